#include "counter-service/redis/redis_tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "common/net/host_port.h"

/* The first of OpenSSL's reasons: the others say what it led to. */
static const char *reason(void)
{
    const unsigned long failure = ERR_peek_error();
    const char *text = ERR_SYSTEM_ERROR(failure) ? strerror(ERR_GET_REASON(failure)) : ERR_reason_error_string(failure);
    return text != NULL ? text : "no reason given";
}

/* Nobody is there to type one. */
/* NOLINTNEXTLINE(readability-non-const-parameter): pem_password_cb */
static int no_password(char *out, int size, int for_writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)for_writing;
    (void)ctx;
    return -1;
}

static int load_trust(SSL_CTX *context, const struct redis_tls *tls, struct error *error)
{
    if (tls->ca[0] == '\0') {
        if (SSL_CTX_set_default_verify_paths(context) != 1) {
            error_set(error, "cannot read the system's authorities: %s", reason());
            return -1;
        }
    } else if (SSL_CTX_load_verify_file(context, tls->ca) != 1) {
        error_set(error, "cannot use redis.tls_ca %s: %s", tls->ca, reason());
        return -1;
    }
    return 0;
}

static int load_identity(SSL_CTX *context, const struct redis_tls *tls, struct error *error)
{
    if (tls->cert[0] == '\0') {
        return 0;
    }
    if (SSL_CTX_use_certificate_chain_file(context, tls->cert) != 1) {
        error_set(error, "cannot use redis.tls_cert %s: %s", tls->cert, reason());
        return -1;
    }
    /* It also compares the two. */
    if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1) {
        error_set(error, "cannot use redis.tls_key %s: %s", tls->key, reason());
        return -1;
    }
    return 0;
}

/* The name also tells a server that has several certificates which one to show (RFC 6066, section 3). */
static int expect(SSL *ssl, const char *name)
{
    if (host_is_address(name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *redis_tls_client(const struct redis_tls *tls, const char *name, struct error *error)
{
    SSL *ssl = NULL;
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        error_set(error, "cannot set up TLS: %s", reason());
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    /* A write that is called again may have its bytes elsewhere. */
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1); /* one recv for many records */
    if (load_trust(context, tls, error) == 0 && load_identity(context, tls, error) == 0) {
        if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1) {
            ssl = SSL_new(context);
        }
        if (ssl == NULL || expect(ssl, name) != 1) {
            error_set(error, "cannot set up TLS: %s", reason());
            SSL_free(ssl);
            ssl = NULL;
        }
    }
    SSL_CTX_free(context); /* ssl holds it */
    return ssl;
}

/* ---- failures ---- */

enum { ALERTS = SSL_AD_REASON_OFFSET }; /* from here on a reason of OpenSSL is an alert that the server has sent */

/* The certificate was seen, and is not one to trust. */
static void say_certificate(const struct redis_tls_state *state, long result, struct error *error)
{
    const char *why = X509_verify_cert_error_string(result);
    switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        error_set(error, "its certificate is for another name than %s (redis.tls_server_name says which)", state->name);
        return;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        error_set(error, "its certificate, or an authority's behind it, has expired");
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        error_set(error, "its certificate, or an authority's behind it, is not valid yet");
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        if (state->tls->ca[0] == '\0') {
            error_set(error,
                      "its certificate is signed by none of the system's authorities, and redis.tls_ca names no "
                      "other (%s)",
                      why);
        } else {
            error_set(error, "its certificate is signed by none of the authorities in redis.tls_ca %s (%s)",
                      state->tls->ca, why);
        }
        return;
    default:
        error_set(error, "its certificate is not trusted (%s)", why);
        return;
    }
}

void redis_tls_say(const struct redis_tls_state *state, struct error *error)
{
    const long verified = SSL_get_verify_result(state->ssl);
    const int reason = ERR_GET_LIB(state->failure) == ERR_LIB_SSL ? ERR_GET_REASON(state->failure) : 0;
    const char *text = ERR_reason_error_string(state->failure);
    if (verified != X509_V_OK) {
        say_certificate(state, verified, error);
    } else if (state->was_asked) {
        error_set(error, "it asks for a client's certificate, and redis.tls_cert is not set");
    } else if (state->has_timed_out) {
        error_set(error, "it does not answer TLS: does that port speak it?");
    } else if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_UNKNOWN_PROTOCOL) {
        error_set(error, "that port does not speak TLS (redis.tls is true)");
    } else if (reason >= ALERTS && state->tls->cert[0] != '\0') {
        error_set(error, "it refuses TLS, or the certificate of redis.tls_cert %s: %s", state->tls->cert, text);
    } else if (state->socket_errno != 0 && !state->has_read && state->tls->cert[0] != '\0') {
        error_set(error, "%s: it may refuse the certificate of redis.tls_cert %s", strerror(state->socket_errno),
                  state->tls->cert);
    } else if (text != NULL) {
        error_set(error, "TLS failed: %s", text);
    } else if (state->socket_errno != 0) {
        error_set(error, "%s", strerror(state->socket_errno));
    } else {
        error_set(error, "it closed the connection");
    }
}
