/* Keeps an instance registered with a Consul agent, on a thread of its own, and removes it at the end. The agent need
 * not be there: it is tried again with jittered waits up to 5 s, and an agent that has lost the instance gets it again.
 * One thread creates, deregisters and frees.
 *
 *     learn the own address ──> register ──> look each second ──> deregister
 *        (if not given)            ^            │ lost, no answer, or another store
 *                                  └────────────┘
 */
#ifndef TALLY_COMMON_CONSUL_CONSUL_REGISTRATION_H
#define TALLY_COMMON_CONSUL_CONSUL_REGISTRATION_H

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/consul/consul_service.h"
#include "common/contract/store_id.h"

/* How long consul_registration_deregister may take. */
enum { CONSUL_DEREGISTER_TIMEOUT_MS = 1000 };

struct consul_registration;

/* What of its store a service's meta tells. */
struct consul_store {
    char store_id[STORE_ID_SIZE]; /* "": none */
    int partitions;               /* of its data; 0: not known */
};

struct consul_registration_options {
    const char *address;        /* "host:port" of the agent; copied */
    const char *token;          /* "" for none; copied */
    const char *advertise_host; /* if not "": where others reach the instance, instead of service.host; copied */
    /* host is where the instance listens: if that is a wildcard, others reach it at the address of this end of the
     * connection to the agent. The strings are not copied and outlive the registration. */
    struct consul_service service; /* store_id: NULL, partitions: 0 */
    /* Writes what the service's meta is to tell. Called each second, on the registration's thread. NULL: the instance
     * has no store. */
    void (*read_store)(void *ctx, struct consul_store *ret_store);
    void *ctx;
};

/* Starts registering, and does not wait for it. Gauge: tally_consul_registered; one registration a process. Returns
 * NULL with error filled when out of memory or threads. */
struct consul_registration *consul_registration_create(const struct consul_registration_options *options,
                                                       struct error *error) MUST_CHECK;
/* The same for a daemon: its configuration fills in the agent, its token, advertise_host and service.interval_ms.
 * *ret_registration is NULL if consul.address is "". config outlives the registration. Returns 0, or -1 with error
 * filled. */
int consul_registration_start(const struct config *config, struct consul_registration_options options,
                              struct consul_registration **ret_registration, struct error *error) MUST_CHECK;
/* Stops registering and removes the instance from Consul. Blocks until that is done, CONSUL_DEREGISTER_TIMEOUT_MS at
 * most; logs what goes wrong. A second call does nothing. NULL is fine. */
void consul_registration_deregister(struct consul_registration *registration);
/* Without consul_registration_deregister the instance stays in Consul. NULL is fine. */
void consul_registration_free(struct consul_registration *registration);

#endif
