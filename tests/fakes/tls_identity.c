#include "tests/fakes/tls_identity.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <cmocka.h>

enum { PATHS_MAX = 8, PATH_SIZE = 96, HOUR_S = 3600 };

struct tls_identity {
    char directory[48];
    char ca_path[PATH_SIZE];
    char paths[PATHS_MAX][PATH_SIZE];
    int path_count;
    int serial;
    EVP_PKEY *ca_key;
    X509 *ca;
};

static void set_name(X509_NAME *name, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0), 1);
}

static void add_extension(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* issuer: NULL: itself. */
static X509 *make(struct tls_identity *identity, const char *name, EVP_PKEY *key, X509 *issuer, bool has_expired)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++identity->serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), has_expired ? -2 * HOUR_S : -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), has_expired ? -HOUR_S : HOUR_S);
    set_name(X509_get_subject_name(certificate), name);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(issuer != NULL ? issuer : certificate)),
                     1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    return certificate;
}

static void sign(struct tls_identity *identity, X509 *certificate)
{
    assert_true(X509_sign(certificate, identity->ca_key, EVP_sha256()) > 0);
}

static void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    fclose(file);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

struct tls_identity *tls_identity_create(void)
{
    struct tls_identity *identity = calloc(1, sizeof(*identity));
    assert_non_null(identity);
    strcpy(identity->directory, "/tmp/tally-test-tls-XXXXXX");
    assert_non_null(mkdtemp(identity->directory));
    snprintf(identity->ca_path, sizeof(identity->ca_path), "%s/ca.pem", identity->directory);
    identity->ca_key = EVP_EC_gen("P-256");
    assert_non_null(identity->ca_key);
    identity->ca = make(identity, "Tally's tests", identity->ca_key, NULL, false);
    add_extension(identity->ca, identity->ca, NID_basic_constraints, "critical,CA:TRUE");
    sign(identity, identity->ca);
    write_certificate(identity->ca_path, identity->ca);
    return identity;
}

static int remove_file(const char *path, const struct stat *info, int type, struct FTW *position)
{
    (void)info;
    (void)type;
    (void)position;
    return remove(path);
}

void tls_identity_free(struct tls_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    assert_int_equal(nftw(identity->directory, remove_file, 8, FTW_DEPTH | FTW_PHYS), 0);
    X509_free(identity->ca);
    EVP_PKEY_free(identity->ca_key);
    free(identity);
}

void tls_identity_sign(struct tls_identity *identity, const char *name, const char *alternatives, bool has_expired)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = make(identity, name, key, identity->ca, has_expired);
    add_extension(certificate, identity->ca, NID_basic_constraints, "CA:FALSE");
    add_extension(certificate, identity->ca, NID_subject_alt_name, alternatives);
    sign(identity, certificate);
    write_certificate(tls_identity_path(identity, name, "pem"), certificate);
    write_key(tls_identity_path(identity, name, "key"), key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

const char *tls_identity_ca(const struct tls_identity *identity)
{
    return identity->ca_path;
}

const char *tls_identity_path(struct tls_identity *identity, const char *name, const char *suffix)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s.%s", identity->directory, name, suffix);
    for (int i = 0; i < identity->path_count; i++) {
        if (strcmp(identity->paths[i], path) == 0) {
            return identity->paths[i];
        }
    }
    assert_true(identity->path_count < PATHS_MAX);
    memcpy(identity->paths[identity->path_count], path, sizeof(path));
    return identity->paths[identity->path_count++];
}
