#include "counter-service/redis/redis_tls_failure.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

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
