#include "counter-service/topology/topology_look.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buffer.h"
#include "common/base/clock.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_login.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/topology/cluster_home.h"
#include "counter-service/topology/cluster_member.h"
#include "counter-service/topology/cluster_slots.h"
#include "counter-service/topology/redis_alone.h"
#include "counter-service/topology/redis_slot.h"

/* Where nobody has said a number, and nobody has written. */
enum { SINGLE_PARTITIONS = 1 };

/* How often the keys of the data as a whole are looked at. */
enum { HOME_US = 5 * 1000 * 1000 };

/* After so long in which no look found anything better, an older configuration than is known is believed, since the
 * cluster was made anew; and a node for which the cluster is down. A time, since looks are made as often as somebody
 * suspects; longer than a failover takes. And so many looks, since the process may stand still for any time. */
enum { DOUBT_US = 10 * 1000 * 1000, DOUBT_LOOKS = 5 };

int topology_look_init(struct topology_look *look, const struct config *config, const struct redis_address *seeds,
                       size_t seed_count, bool may_write, struct error *error)
{
    memset(look, 0, sizeof(*look));
    look->config = config;
    look->seeds = seeds;
    look->seed_count = seed_count;
    look->may_write = may_write;
    look->is_cluster = config->redis.mode == REDIS_MODE_CLUSTER;
    topology_table_init(&look->table, 0);
    return sentinel_look_init(&look->sentinels, config, error);
}

static void forget_conn(struct topology_look *look)
{
    redis_conn_close(look->conn);
    look->conn = NULL;
}

void topology_look_done(struct topology_look *look)
{
    forget_conn(look);
    sentinel_look_done(&look->sentinels);
}

/* One command with one reply, which may be an error. The request's buffer is done with then. */
static int ask_request(struct topology_look *look, struct buffer *request, struct redis_reply *ret_reply,
                       struct error *error)
{
    int result = redis_command_begin(look->conn, request, look->config->redis.timeout_ms, error);
    if (result == 0 && redis_conn_next(look->conn, ret_reply) != 0) {
        error_set(error, "%s", redis_conn_error(look->conn));
        result = -1;
    }
    buffer_done(request);
    return result;
}

static int ask(struct topology_look *look, const struct text *words, size_t word_count, struct redis_reply *ret_reply,
               struct error *error)
{
    struct buffer request;
    buffer_init(&request);
    redis_command_append(&request, words, word_count);
    return ask_request(look, &request, ret_reply, error);
}

static int refused(const struct redis_reply *reply, const char *command, struct error *error)
{
    error_set(error, "Redis refuses %s: %s", command, redis_quote(reply->text).text);
    return -1;
}

/* ---- one Redis ---- */

/* "ERR This instance has cluster support disabled", an unknown command, or one that this user may not use. */
static bool says_no_cluster(const struct redis_reply *reply)
{
    return reply->type == REDIS_ERROR &&
           (text_starts_with(reply->text, TEXT("ERR ")) || text_starts_with(reply->text, TEXT("NOPERM ")));
}

/* Of several addresses that of the master is the one; of a single one whoever connects to it tells what is wrong. */
static int check_role(struct topology_look *look, struct error *error)
{
    struct redis_reply reply;
    if (look->seed_count == 1) {
        return 0;
    }
    if (ask(look, (const struct text[]){TEXT("ROLE")}, 1, &reply, error) != 0) {
        return -1;
    }
    return reply.type == REDIS_ARRAY && reply.element_count > 0
               ? redis_check_role(redis_reply_element(&reply, 0).text, error)
               : 0; /* it may not be asked */
}

/* By the command inside, if it is that which is refused. */
static int refused_read(struct topology_look *look, const struct redis_reply *of_script, struct error *error)
{
    struct redis_reply reply;
    const struct redis_quote why = redis_quote(of_script->text);
    if (ask(look, (const struct text[]){TEXT("GET"), redis_meta_key}, 2, &reply, error) != 0) {
        return -1;
    }
    if (reply.type == REDIS_ERROR) {
        return refused(&reply, "GET", error);
    }
    error_set(error, "Redis refuses EVAL: %s", why.text);
    return -1;
}

static int look_at_single(struct topology_look *look, struct error *error)
{
    struct redis_reply reply;
    struct buffer request;
    const int known = look->table.partitions; /* once known it stays */
    int partitions = known > 0 ? known : look->config->redis.partitions;
    buffer_init(&request);
    redis_alone_put(&request);
    if (ask_request(look, &request, &reply, error) != 0) {
        return -1;
    }
    if (redis_alone_is_denied(&reply)) {
        error_set(error, "this Redis is a node of a Redis Cluster: redis.mode must be cluster or auto");
        return -1;
    }
    if (reply.type == REDIS_ERROR) {
        return refused_read(look, &reply, error);
    }
    if (partitions == 0 && reply.type == REDIS_NIL) {
        partitions = SINGLE_PARTITIONS;
    } else if (partitions == 0 && redis_meta_read(reply.text, 0, &partitions, error) != 0) {
        return -1;
    }
    if (check_role(look, error) != 0) {
        return -1;
    }
    topology_table_init(&look->table, partitions);
    const uint16_t node = topology_table_node(&look->table, &look->asked);
    for (int i = 0; i < partitions; i++) {
        look->table.at[i] = node;
    }
    return 0;
}

/* ---- one of those that sentinels watch ---- */

/* A master that is demoted, or not promoted yet, is none: the table stays as it is until another look. One that is in
 * the table already is not asked: whoever uses it finds out how it is. */
static int look_at_sentinels(struct topology_look *look, struct error *error)
{
    struct redis_address master;
    struct error why = {.message = ""};
    if (sentinel_look(&look->sentinels, &master, error) != 0) {
        return -1;
    }
    if (look->table.partitions > 0 && redis_address_equal(&look->table.nodes[0], &master)) {
        return 0;
    }
    look->asked = master;
    look->conn = redis_login(&master, look->config, NULL, &why);
    const int result = look->conn != NULL ? look_at_single(look, &why) : -1;
    forget_conn(look);
    if (result != 0) {
        error_set(error, "the master that the sentinels name, %s: %s", redis_address_write(&master).text, why.message);
    }
    return result;
}

/* ---- a cluster ---- */

/* *partitions: 0, or as they are known. */
static int settle_home(struct topology_look *look, const struct redis_reply *slots, bool may_write, int *partitions,
                       struct error *error)
{
    struct redis_address meta;
    struct redis_address store;
    if (!cluster_slots_find(slots, &look->asked, redis_slot_of(redis_meta_key), &meta) ||
        !cluster_slots_find(slots, &look->asked, redis_slot_of(redis_store_id_key), &store)) {
        error_set(error, "the Redis Cluster has no node for the keys tally:meta and tally:store: not all slots are "
                         "served");
        return -1;
    }
    look->home_us = clock_monotonic_us();
    return cluster_home_settle(look->config, &look->fresh_ids, &meta, &store, may_write, partitions, look->store_id,
                               error);
}

/* A node that has lost its data has lost these keys: without them the next service to start would take the data of all
 * nodes for another store's. */
static void keep_home(struct topology_look *look, const struct redis_reply *slots)
{
    struct error error;
    uint64_t count;
    int partitions = look->table.partitions;
    if (!look->may_write || clock_monotonic_us() - look->home_us < HOME_US) {
        return;
    }
    if (settle_home(look, slots, true, &partitions, &error) == 0) {
        look->limiter = (struct log_limiter){0};
    } else if (log_limiter_allows(&look->limiter, clock_monotonic_us(), &count)) {
        log_warn("redis", "tally:meta, tally:store", LOG_STR("reason", error.message), LOG_INT("count", count));
    }
}

static const char *find_in(const struct redis_reply *info, struct text words)
{
    return info->text.len > 0 ? memmem(info->text.data, info->text.len, words.data, words.len) : NULL;
}

/* How a node sees the cluster. */
struct view {
    bool is_down;
    bool has_epoch; /* it may be asked for it */
    uint64_t epoch;
};

static struct view read_view(const struct redis_reply *info)
{
    const struct text field = TEXT("cluster_current_epoch:");
    const char *at = find_in(info, field);
    return (struct view){
        .is_down = find_in(info, TEXT("cluster_state:fail")) != NULL,
        .has_epoch = at != NULL,
        .epoch = at != NULL ? strtoull(at + field.len, NULL, 10) : 0,
    };
}

/* One exchange. The view is asked for first: the slots are then as new as it, or newer. */
static int ask_cluster(struct topology_look *look, struct view *ret_view, struct redis_reply *ret_slots,
                       struct error *error)
{
    struct redis_reply info;
    struct buffer requests;
    buffer_init(&requests);
    redis_command_words(&requests, TEXT("CLUSTER"), TEXT("INFO"));
    redis_command_words(&requests, TEXT("CLUSTER"), TEXT("SLOTS"));
    int result = redis_command_begin(look->conn, &requests, look->config->redis.timeout_ms, error);
    if (result == 0) {
        result = redis_conn_next(look->conn, &info);
        if (result == 0) {
            *ret_view = read_view(&info);
            result = redis_conn_next(look->conn, ret_slots);
        }
        if (result != 0) {
            error_set(error, "%s", redis_conn_error(look->conn));
        }
    }
    buffer_done(&requests);
    return result;
}

/* Whether this Redis knows how the cluster is now. One that is cut off from the others takes the cluster for down, and
 * so does all of a cluster that is. */
static int check_view(struct topology_look *look, const struct view *view, struct error *error)
{
    const bool may_doubt = look->failed_looks < DOUBT_LOOKS || clock_monotonic_us() - look->failing_since_us < DOUBT_US;
    if (may_doubt && view->is_down) {
        error_set(error, "the Redis Cluster is down");
        return -1;
    }
    if (!view->has_epoch) {
        redis_login_untold(REDIS_UNTOLD_VIEW);
        return 0;
    }
    if (view->epoch < look->epoch && may_doubt) {
        error_set(error,
                  "this node of the Redis Cluster does not know how it is now: its epoch is %llu, that of "
                  "others %llu",
                  (unsigned long long)view->epoch, (unsigned long long)look->epoch);
        return -1;
    }
    look->epoch = view->epoch;
    return 0;
}

/* Whether the answer is of the cluster that is known. The address of a node that is gone may lead to another cluster,
 * whatever the epoch there: then the store id there is another one, or none. */
static int check_same(struct topology_look *look, const struct redis_reply *slots, struct error *error)
{
    struct error why = {.message = ""};
    int partitions = look->table.partitions;
    if (look->table.node_count == 0 || cluster_member_check(&look->ids, slots, &why) == 0) {
        return 0;
    }
    if (settle_home(look, slots, false, &partitions, &why) == 0) {
        return 0; /* all of its nodes were replaced */
    }
    error_set(error,
              "%s answers for another Redis Cluster, none of whose nodes is known (%s); if it is to be used, this "
              "service must be started again",
              redis_address_write(&look->asked).text, why.message);
    return -1;
}

static int read_fresh(struct topology_look *look, const struct redis_reply *slots, struct error *error)
{
    look->fresh.partitions = look->table.partitions;
    if (cluster_slots_read(slots, &look->asked, &look->fresh, error) != 0) {
        return -1;
    }
    if (look->fresh.node_count == 0) {
        error_set(error, "this node of the Redis Cluster knows nobody who has a partition");
        return -1;
    }
    return 0;
}

static int look_at_cluster(struct topology_look *look, const struct view *view, const struct redis_reply *slots,
                           struct error *error)
{
    if (slots->type != REDIS_ARRAY) {
        return refused(slots, "CLUSTER SLOTS", error);
    }
    cluster_ids_read(slots, &look->fresh_ids);
    if (look->table.partitions == 0) {
        int partitions = 0;
        if (settle_home(look, slots, look->may_write, &partitions, error) != 0) {
            return -1;
        }
        topology_table_init(&look->table, partitions);
    }
    if (read_fresh(look, slots, error) != 0 || check_same(look, slots, error) != 0 ||
        check_view(look, view, error) != 0) {
        return -1;
    }
    look->table = look->fresh;
    look->ids = look->fresh_ids;
    keep_home(look, slots);
    return 0;
}

/* ---- who is asked ---- */

static int look_at(struct topology_look *look, struct error *error)
{
    struct view view;
    struct redis_reply slots;
    if (look->config->redis.mode == REDIS_MODE_SINGLE) {
        return look_at_single(look, error);
    }
    if (ask_cluster(look, &view, &slots, error) != 0) {
        return -1;
    }
    if (!look->is_cluster && says_no_cluster(&slots)) {
        return look_at_single(look, error);
    }
    look->is_cluster = look->is_cluster || slots.type == REDIS_ARRAY;
    return look_at_cluster(look, &view, &slots, error);
}

static int try(struct topology_look *look, const struct redis_address *address, struct error *error)
{
    look->asked = *address;
    look->conn = redis_connect(address, look->config, error);
    if (look->conn == NULL) {
        return -1;
    }
    const int result = look_at(look, error);
    if (result != 0) {
        forget_conn(look);
    }
    return result;
}

static int look_anywhere(struct topology_look *look, struct error *error)
{
    const size_t known = look->table.node_count;
    if (look->conn != NULL && redis_conn_is_idle(look->conn) && look_at(look, error) == 0) {
        return 0;
    }
    forget_conn(look);
    for (size_t i = 0; i < known && !atomic_load(&look->stopping); i++) {
        const struct redis_address address = look->table.nodes[i];
        if (try(look, &address, error) == 0) {
            return 0;
        }
    }
    for (size_t i = 0; i < look->seed_count && !atomic_load(&look->stopping); i++) {
        if (try(look, &look->seeds[i], error) == 0) {
            return 0;
        }
    }
    return -1;
}

int topology_look(struct topology_look *look, struct error *error)
{
    const int result = look->sentinels.count > 0 ? look_at_sentinels(look, error) : look_anywhere(look, error);
    if (result == 0) {
        look->failed_looks = 0;
    } else if (look->failed_looks++ == 0) {
        look->failing_since_us = clock_monotonic_us();
    }
    return result;
}
