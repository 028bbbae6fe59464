/* TLS as configuration wants it. */
#ifndef TALLY_COUNTER_SERVICE_REDIS_REDIS_TLS_H
#define TALLY_COUNTER_SERVICE_REDIS_REDIS_TLS_H

#include "common/config/config.h"

/* Paths of PEM files, read at each connect, so that renewed ones are taken up. The strings are somebody else's. */
struct redis_tls {
    const char *ca;          /* the authorities to trust; "": the system's */
    const char *cert;        /* the client's certificate and its chain; "": none */
    const char *key;         /* its key */
    const char *server_name; /* that the server's certificate must have; "": the host of the address */
};

/* Fills *out from config, which outlives it. Returns out, or NULL if configuration wants no TLS. */
static inline const struct redis_tls *redis_tls_of(const struct config *config, struct redis_tls *out)
{
    *out = (struct redis_tls){
        .ca = config->redis.tls_ca,
        .cert = config->redis.tls_cert,
        .key = config->redis.tls_key,
        .server_name = config->redis.tls_server_name,
    };
    return config->redis.tls == CONFIG_TRUE ? out : NULL;
}

#endif
