/* A Redis or a Redis Cluster that the data are in, or come to: a connection to each of its masters. Unlike the
 * service's topology it reads and writes no key, and so does not care whose data are there. Owned by one thread.
 * Functions return 0, or -1 with error filled. */
#ifndef TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SITE_H
#define TALLY_COUNTER_SERVICE_REPARTITION_REPARTITION_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buffer.h"
#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "counter-service/redis/redis_conn.h"
#include "counter-service/topology/cluster_ids.h"
#include "counter-service/topology/topology_table.h"

struct repartition_site {
    struct config config; /* its strings are the given one's */
    bool is_cluster;
    struct topology_table *table; /* of all partitions that there can be */
    struct cluster_ids *ids;      /* of a cluster's nodes: another Redis at a node's address is none of them */
    struct redis_conn *links[TOPOLOGY_NODES_MAX];
    struct redis_conn *meta;  /* of links: that has tally:meta */
    struct redis_conn *store; /* that has tally:store */
    struct buffer requests;   /* for one exchange */
};

/* addrs: the first that answers is asked for the others. Zero-initialised is ready for repartition_site_close; config
 * outlives the site. */
int repartition_site_open(struct repartition_site *site, const struct config *config, char *const *addrs,
                          size_t addr_count, struct error *error) MUST_CHECK;
void repartition_site_close(struct repartition_site *site);

/* Makes each connection anew, to the same Redis: for one that has failed, or has answers that nobody has read. */
int repartition_site_reopen(struct repartition_site *site, struct error *error) MUST_CHECK;

struct redis_conn *repartition_site_conn(const struct repartition_site *site, int partition);
size_t repartition_site_links(const struct repartition_site *site);

/* Sends site->requests, and empties it. */
int repartition_site_begin(struct repartition_site *site, struct redis_conn *conn, struct error *error) MUST_CHECK;
/* The same, and reads so many replies, of which none may be an error. The last one is told. */
int repartition_site_ask(struct repartition_site *site, struct redis_conn *conn, const char *command, size_t replies,
                         struct redis_reply *ret_last, struct error *error) MUST_CHECK;
/* The next reply, which may be an error. */
int repartition_site_next(struct redis_conn *conn, struct redis_reply *ret_reply, struct error *error) MUST_CHECK;

#endif
