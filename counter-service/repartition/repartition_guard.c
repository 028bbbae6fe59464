#include "counter-service/repartition/repartition_guard.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "counter-service/commands/redis_keys.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"
#include "counter-service/redis/redis_store_id.h"
#include "counter-service/redis/resp.h"

enum { LEASES_MS = 15 * 1000, LOOK_EVERY_MS = 200 };

static int refused(const struct redis_reply *reply, const char *command, struct error *error)
{
    error_set(error, "Redis refuses %s: %s", command, redis_quote(reply->text).text);
    return -1;
}

/* ---- tally:meta, tally:store, tally:{pN}:store ------------------------------------------------------------------- */

static int read_text(struct repartition_site *site, struct redis_conn *conn, struct text key,
                     char ret_text[REPARTITION_MARK_SIZE], struct error *error)
{
    struct redis_reply reply;
    redis_command_words(&site->requests, TEXT("GET"), key);
    if (repartition_site_ask(site, conn, "GET", 1, &reply, error) != 0) {
        return -1;
    }
    const size_t len = reply.type == REDIS_TEXT ? reply.text.len : 0;
    if (len >= REPARTITION_MARK_SIZE) {
        error_set(error, "key %s holds something that Tally does not write: \"%s\"", key.data,
                  redis_quote(reply.text).text);
        return -1;
    }
    memcpy(ret_text, len == 0 ? "" : reply.text.data, len);
    ret_text[len] = '\0';
    return 0;
}

int repartition_guard_read(struct repartition_site *site, char ret_meta[REPARTITION_MARK_SIZE],
                           char ret_store[REPARTITION_MARK_SIZE], struct error *error)
{
    return read_text(site, site->meta, redis_meta_key, ret_meta, error) == 0
               ? read_text(site, site->store, redis_store_id_key, ret_store, error)
               : -1;
}

int repartition_guard_swap(struct repartition_site *site, const char *before, const char *after, struct error *error)
{
    static const char script[] = "#!lua\n"
                                 "if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then\n"
                                 "    return 0\n"
                                 "end\n"
                                 "redis.call('SET', KEYS[1], ARGV[2])\n"
                                 "return 1";
    struct redis_reply reply;
    redis_command_words(&site->requests, TEXT("EVAL"), TEXT(script), TEXT("1"), redis_meta_key, text_of(before),
                        text_of(after));
    if (repartition_site_ask(site, site->meta, "EVAL", 1, &reply, error) != 0) {
        return -1;
    }
    if (reply.type != REDIS_INTEGER || reply.integer != 1) {
        error_set(error, "somebody else has changed key tally:meta meanwhile: it was \"%s\"", before);
        return -1;
    }
    return 0;
}

int repartition_guard_tell(struct repartition_site *site, const char *store, const char *mark, int partitions,
                           struct error *error)
{
    struct redis_reply reply;
    for (int i = 0; site->is_cluster && i < partitions; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(i);
        resp_put_array(&site->requests, 3);
        resp_put_string(&site->requests, TEXT("SET"));
        redis_key_put_single(&site->requests, &prefix, store_mark);
        resp_put_string(&site->requests, text_of(mark));
        if (repartition_site_ask(site, repartition_site_conn(site, i), "SET", 1, &reply, error) != 0) {
            return -1;
        }
    }
    redis_command_words(&site->requests, TEXT("SET"), redis_store_id_key, text_of(store));
    return repartition_site_ask(site, site->store, "SET", 1, &reply, error);
}

int repartition_guard_let_in(struct repartition_site *site, const struct repartition_mark *mark, int partitions,
                             struct repartition_let_in *ret_let_in, struct error *error)
{
    struct redis_reply reply;
    char after[REDIS_STORE_MARK_SIZE];
    redis_store_mark_put(after, mark->store_id, mark->to);
    *ret_let_in = (struct repartition_let_in){.before = 0};
    for (int i = 0; site->is_cluster && i < partitions; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(i);
        redis_key_put_get(&site->requests, &prefix, store_mark);
        if (repartition_site_ask(site, repartition_site_conn(site, i), "GET", 1, &reply, error) != 0) {
            return -1;
        }
        if (reply.type == REDIS_TEXT) {
            ret_let_in->after += text_equal(reply.text, text_of(after));
            ret_let_in->before += i < mark->from && redis_store_mark_is(reply.text, mark->store_id, mark->from);
        }
    }
    return 0;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

/* The number behind " name=" of a line; -1 if it is not there. */
static int64_t number_in(struct text line, struct text name)
{
    int64_t number;
    while (line.len > 0) {
        struct text word = text_cut(&line, ' ');
        const struct text found = text_cut(&word, '=');
        if (text_equal(found, name) && decimal_parse(word, &number)) {
            return number;
        }
    }
    return -1;
}

static bool has_name(struct text line)
{
    while (line.len > 0) {
        struct text word = text_cut(&line, ' ');
        if (text_equal(text_cut(&word, '='), TEXT("name"))) {
            return word.len > 0;
        }
    }
    return false;
}

/* Of those in the database that is used. Tally's have no name (CLIENT SETNAME). */
static size_t put_kills(struct repartition_site *site, struct text list, int64_t own_id)
{
    size_t count = 0;
    while (list.len > 0) {
        const struct text line = text_cut(&list, '\n');
        const int64_t id = number_in(line, TEXT("id"));
        if (id >= 0 && id != own_id && !has_name(line) && number_in(line, TEXT("db")) == site->config.redis.db) {
            resp_put_array(&site->requests, 4);
            resp_put_string(&site->requests, TEXT("CLIENT"));
            resp_put_string(&site->requests, TEXT("KILL"));
            resp_put_string(&site->requests, TEXT("ID"));
            resp_put_integer(&site->requests, id);
            count++;
        }
    }
    return count;
}

/* One reply, of which an error that refuses the command sets *ret_is_cut to false. */
static int next_allowed(struct redis_conn *conn, struct redis_reply *ret_reply, bool *ret_is_cut, struct error *error)
{
    if (repartition_site_next(conn, ret_reply, error) != 0) {
        return -1;
    }
    if (ret_reply->type == REDIS_ERROR && redis_error_refuses_command(ret_reply->text)) {
        *ret_is_cut = false;
        return 0;
    }
    return ret_reply->type == REDIS_ERROR ? refused(ret_reply, "CLIENT", error) : 0;
}

static int cut_link(struct repartition_site *site, struct redis_conn *conn, bool *ret_is_cut, struct error *error)
{
    struct redis_reply reply;
    redis_command_words(&site->requests, TEXT("CLIENT"), TEXT("ID"));
    redis_command_words(&site->requests, TEXT("CLIENT"), TEXT("LIST"), TEXT("TYPE"), TEXT("normal"));
    if (repartition_site_begin(site, conn, error) != 0 || next_allowed(conn, &reply, ret_is_cut, error) != 0) {
        return -1;
    }
    const int64_t own_id = reply.integer;
    if (next_allowed(conn, &reply, ret_is_cut, error) != 0) {
        return -1;
    }
    buffer_clear(&site->requests, SIZE_MAX);
    if (!*ret_is_cut) {
        return 0;
    }
    const size_t count = put_kills(site, reply.text, own_id);
    int result = count == 0 ? 0 : repartition_site_begin(site, conn, error);
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = next_allowed(conn, &reply, ret_is_cut, error);
    }
    buffer_clear(&site->requests, SIZE_MAX);
    return result;
}

int repartition_guard_cut(struct repartition_site *site, bool *ret_is_cut, struct error *error)
{
    *ret_is_cut = true;
    for (size_t i = 0; i < repartition_site_links(site); i++) {
        if (site->links[i] != NULL && cut_link(site, site->links[i], ret_is_cut, error) != 0) {
            buffer_clear(&site->requests, SIZE_MAX);
            return -1;
        }
    }
    return 0;
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/* *ret_partition: one whose outbox somebody follows; -1: none. */
static int find_lease(struct repartition_site *site, int partitions, int *ret_partition, struct error *error)
{
    struct redis_reply reply;
    *ret_partition = -1;
    for (int i = 0; i < partitions && *ret_partition < 0; i++) {
        const struct redis_key_prefix prefix = redis_key_prefix_of(i);
        resp_put_array(&site->requests, 3);
        resp_put_string(&site->requests, TEXT("EXISTS"));
        redis_key_put_single(&site->requests, &prefix, TEXT("lease:kafka"));
        redis_key_put_single(&site->requests, &prefix, TEXT("lease:rankings"));
        if (repartition_site_ask(site, repartition_site_conn(site, i), "EXISTS", 1, &reply, error) != 0) {
            return -1;
        }
        *ret_partition = reply.integer > 0 ? i : -1;
    }
    return 0;
}

int repartition_guard_await_leases(struct repartition_site *site, int partitions,
                                   const volatile sig_atomic_t *interrupted, struct error *error)
{
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)LEASES_MS * 1000;
    for (;;) {
        int partition;
        if (find_lease(site, partitions, &partition, error) != 0) {
            return -1;
        }
        if (partition < 0) {
            return 0;
        }
        if (*interrupted) {
            error_set(error, "interrupted");
            return -1;
        }
        if (clock_monotonic_us() >= give_up_us) {
            error_set(error,
                      "somebody follows the outbox of partition %d (its key lease:kafka or lease:rankings): stop all "
                      "counter-services first",
                      partition);
            return -1;
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

int repartition_guard_await_calls(int wait_ms, const volatile sig_atomic_t *interrupted, struct error *error)
{
    for (int waited_ms = 0; waited_ms < wait_ms; waited_ms += LOOK_EVERY_MS) {
        if (*interrupted) {
            error_set(error, "interrupted");
            return -1;
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
    return 0;
}
