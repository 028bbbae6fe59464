#include "counter-service/repartition/repartition_settle.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "counter-service/redis/redis_address.h"
#include "counter-service/redis/redis_checks.h"
#include "counter-service/redis/redis_command.h"
#include "counter-service/redis/redis_error.h"

enum {
    WAIT_MS = 1000,          /* one WAIT */
    REPLICAS_MS = 30 * 1000, /* all of them, for replicas that do not follow */
    LOOK_EVERY_MS = 200,
    AOF_LOOKS = 15, /* in these Redis syncs the file, which it does each second: more than once */
};

/* How far a Redis's disk is. */
enum disk {
    DISK_ASK,    /* not known what it keeps there */
    DISK_AOF,    /* the append only file is to be synced */
    DISK_SAVE,   /* it has no such file: BGSAVE is to begin */
    DISK_SAVING, /* it has begun */
    DISK_DONE,
};

struct settling {
    struct repartition_site *site;
    const volatile sig_atomic_t *interrupted;
    const struct report *report;
    struct error *error;
    enum disk disks[TOPOLOGY_NODES_MAX];
    int looks[TOPOLOGY_NODES_MAX]; /* at the append only file since all was written to it */
};

struct where {
    struct redis_conn *conn;
    size_t node;
    struct redis_address_text name;
};

/* ---- questions --------------------------------------------------------------------------------------------------- */

/* No right to the command, or it was taken away: with which words differs between servers. WAIT has failed with all
 * but Redis's own. */
static bool is_forbidden(struct text error, const char *command)
{
    if (strcmp(command, "WAIT") == 0) {
        return text_starts_with(error, TEXT("NOPERM")) || text_starts_with(error, TEXT("ERR unknown command"));
    }
    return redis_error_refuses_command(error);
}

/* One answer to site->requests. *ret_is_allowed: false if Redis lets nobody use the command. */
static int ask(const struct settling *settling, const struct where *where, const char *command, int wait_ms,
               struct redis_reply *ret_reply, bool *ret_is_allowed)
{
    struct repartition_site *site = settling->site;
    int result =
        redis_command_begin(where->conn, &site->requests, wait_ms + site->config.redis.timeout_ms, settling->error);
    if (result == 0) {
        result = repartition_site_next(where->conn, ret_reply, settling->error);
    }
    buffer_clear(&site->requests, SIZE_MAX);
    if (result != 0) {
        return -1;
    }
    *ret_is_allowed = ret_reply->type != REDIS_ERROR || !is_forbidden(ret_reply->text, command);
    if (ret_reply->type == REDIS_ERROR && *ret_is_allowed) {
        error_set(settling->error, "Redis at %s refuses %s: %s", where->name.text, command,
                  redis_quote(ret_reply->text).text);
        return -1;
    }
    return 0;
}

static void tell_unchecked(const struct settling *settling, const struct where *where, const char *command,
                           const char *what)
{
    report_line(settling->report, "Redis at %s refuses %s: it could not be checked that %s", where->name.text, command,
                what);
}

static int check_interrupted(const struct settling *settling)
{
    if (*settling->interrupted) {
        error_set(settling->error, "interrupted");
        return -1;
    }
    return 0;
}

/* ---- replicas ---------------------------------------------------------------------------------------------------- */

/* A line of CLUSTER NODES: id, address, flags, the master's id, and more. */
struct member {
    struct text id;
    struct text flags;
    struct text master_id;
};

static struct member next_member(struct text *lines)
{
    struct member member;
    struct text line = text_cut(lines, '\n');
    member.id = text_cut(&line, ' ');
    (void)text_cut(&line, ' ');
    member.flags = text_cut(&line, ' ');
    member.master_id = text_cut(&line, ' ');
    return member;
}

static bool has_flag(struct text flags, struct text flag)
{
    while (flags.len > 0) {
        if (text_equal(text_cut(&flags, ','), flag)) {
            return true;
        }
    }
    return false;
}

static int64_t members_of_one(struct text lines)
{
    struct text own_id = {"", 0};
    for (struct text left = lines; left.len > 0 && own_id.len == 0;) {
        const struct member member = next_member(&left);
        own_id = has_flag(member.flags, TEXT("myself")) ? member.id : own_id;
    }
    int64_t count = 0;
    for (struct text left = lines; left.len > 0 && own_id.len > 0;) {
        count += text_equal(next_member(&left).master_id, own_id);
    }
    return count;
}

/* As many as should follow it by what the cluster knows: one that stands still may take its place later. */
static int count_members(const struct settling *settling, const struct where *where, int64_t *ret_count)
{
    bool is_allowed;
    struct redis_reply reply;
    redis_command_words(&settling->site->requests, TEXT("CLUSTER"), TEXT("NODES"));
    if (ask(settling, where, "CLUSTER NODES", 0, &reply, &is_allowed) != 0) {
        return -1;
    }
    *ret_count = is_allowed ? members_of_one(reply.text) : 0;
    if (!is_allowed) {
        tell_unchecked(settling, where, "CLUSTER NODES", "all of its replicas are known");
    }
    return 0;
}

/* As many as follow it. One Redis knows no others. */
static int count_replicas(const struct settling *settling, const struct where *where, int64_t *ret_count)
{
    bool is_allowed;
    int64_t connected = 0;
    struct redis_reply reply;
    *ret_count = 0;
    if (settling->site->is_cluster && count_members(settling, where, ret_count) != 0) {
        return -1;
    }
    redis_command_words(&settling->site->requests, TEXT("INFO"), TEXT("replication"));
    if (ask(settling, where, "INFO", 0, &reply, &is_allowed) != 0) {
        return -1;
    }
    if (is_allowed && decimal_parse(redis_info_field(reply.text, TEXT("connected_slaves")), &connected) &&
        connected > *ret_count) {
        *ret_count = connected;
    }
    return 0;
}

static int wait_replicas(const struct settling *settling, const struct where *where)
{
    int64_t needed;
    bool is_allowed = true;
    struct redis_reply reply = {.integer = 0};
    const int64_t give_up_us = clock_monotonic_us() + (int64_t)REPLICAS_MS * 1000;
    if (count_replicas(settling, where, &needed) != 0) {
        return -1;
    }
    while (is_allowed && reply.integer < needed) {
        if (check_interrupted(settling) != 0) {
            return -1;
        }
        if (clock_monotonic_us() >= give_up_us) {
            error_set(settling->error,
                      "Redis at %s: %lld of %lld replica%s has what was written, after %d s: each must follow its "
                      "master, or be taken out of the cluster",
                      where->name.text, (long long)reply.integer, (long long)needed, needed == 1 ? "" : "s",
                      REPLICAS_MS / 1000);
            return -1;
        }
        redis_command_wait(&settling->site->requests, (int)needed, WAIT_MS);
        if (ask(settling, where, "WAIT", WAIT_MS, &reply, &is_allowed) != 0) {
            return -1;
        }
    }
    if (!is_allowed) {
        tell_unchecked(settling, where, "WAIT", "its replicas have what was written");
    }
    return 0;
}

/* ---- disk -------------------------------------------------------------------------------------------------------- */

/* Of INFO persistence. */
struct persistence {
    bool is_told;
    bool has_aof;
    bool aof_failed;
    bool aof_waits; /* something is not written to it, or not synced */
    bool has_child; /* that writes a file: it may keep the append only file from being synced */
    bool save_failed;
};

static bool is_other(struct text info, struct text name, struct text value)
{
    const struct text field = redis_info_field(info, name);
    return field.data != NULL && !text_equal(field, value);
}

static int read_persistence(const struct settling *settling, const struct where *where,
                            struct persistence *ret_persistence)
{
    bool is_allowed;
    struct redis_reply reply;
    *ret_persistence = (struct persistence){.is_told = false};
    redis_command_words(&settling->site->requests, TEXT("INFO"), TEXT("persistence"));
    if (ask(settling, where, "INFO", 0, &reply, &is_allowed) != 0) {
        return -1;
    }
    if (!is_allowed || redis_info_field(reply.text, TEXT("aof_enabled")).data == NULL) {
        return 0;
    }
    const struct text info = reply.text;
    const struct text zero = TEXT("0");
    *ret_persistence = (struct persistence){
        .is_told = true,
        .has_aof = is_other(info, TEXT("aof_enabled"), zero),
        .aof_failed = is_other(info, TEXT("aof_last_write_status"), TEXT("ok")),
        .aof_waits =
            is_other(info, TEXT("aof_buffer_length"), zero) || is_other(info, TEXT("aof_pending_bio_fsync"), zero),
        .has_child = is_other(info, TEXT("rdb_bgsave_in_progress"), zero) ||
                     is_other(info, TEXT("aof_rewrite_in_progress"), zero) ||
                     is_other(info, TEXT("aof_rewrite_scheduled"), zero),
        .save_failed = is_other(info, TEXT("rdb_last_bgsave_status"), TEXT("ok")),
    };
    return 0;
}

/* Without an append only file: whether it saves what it has now and then. One that never does must not be made to: what
 * it saved once it would load at some later start. */
static int ask_saves(struct settling *settling, const struct where *where)
{
    bool is_allowed;
    struct redis_reply reply;
    redis_command_words(&settling->site->requests, TEXT("CONFIG"), TEXT("GET"), TEXT("save"));
    if (ask(settling, where, "CONFIG GET", 0, &reply, &is_allowed) != 0) {
        return -1;
    }
    if (!is_allowed || reply.type != REDIS_ARRAY) {
        tell_unchecked(settling, where, "CONFIG GET save", "its disk has what was written");
    }
    const bool saves = is_allowed && reply.type == REDIS_ARRAY && redis_reply_field(&reply, TEXT("save")).len > 0;
    settling->disks[where->node] = saves ? DISK_SAVE : DISK_DONE;
    return 0;
}

/* Redis forks one child at a time: where another one was quicker, it is asked again. */
static int begin_save(struct settling *settling, const struct where *where)
{
    struct redis_reply reply;
    struct repartition_site *site = settling->site;
    redis_command_words(&site->requests, TEXT("BGSAVE"));
    int result = repartition_site_begin(site, where->conn, settling->error);
    if (result == 0) {
        result = repartition_site_next(where->conn, &reply, settling->error);
    }
    buffer_clear(&site->requests, SIZE_MAX);
    if (result != 0) {
        return -1;
    }
    if (reply.type != REDIS_ERROR) {
        settling->disks[where->node] = DISK_SAVING;
        return 0;
    }
    if (text_starts_with(reply.text, TEXT("ERR Background save already")) ||
        text_starts_with(reply.text, TEXT("ERR Another child process"))) {
        return 0;
    }
    const bool has_failed = text_equal(reply.text, TEXT("ERR")); /* to fork */
    if (!has_failed && is_forbidden(reply.text, "BGSAVE")) {
        tell_unchecked(settling, where, "BGSAVE", "its disk has what was written");
        settling->disks[where->node] = DISK_DONE;
    } else {
        error_set(settling->error, "Redis at %s refuses BGSAVE: %s", where->name.text, redis_quote(reply.text).text);
        return -1;
    }
    return 0;
}

/* Redis writes to the file before it answers, and syncs it each second if something is new: so by the last look what
 * was written by the first one is synced, and no sync is under way. */
static int look_at_aof(struct settling *settling, const struct where *where, const struct persistence *now)
{
    int *looks = &settling->looks[where->node];
    if (now->aof_failed) {
        error_set(settling->error, "Redis at %s cannot write its append only file", where->name.text);
        return -1;
    }
    if (now->has_child) {
        *looks = 0;
    } else if (*looks > 0 || !now->aof_waits) {
        (*looks)++;
    }
    if (*looks >= AOF_LOOKS && !now->aof_waits) {
        settling->disks[where->node] = DISK_DONE;
    }
    return 0;
}

static int end_save(struct settling *settling, const struct where *where, const struct persistence *now)
{
    if (now->has_child) {
        return 0;
    }
    if (now->save_failed) {
        error_set(settling->error, "Redis at %s could not save its data (BGSAVE)", where->name.text);
        return -1;
    }
    settling->disks[where->node] = DISK_DONE;
    return 0;
}

static int look_at_disk(struct settling *settling, const struct where *where)
{
    struct persistence now;
    if (read_persistence(settling, where, &now) != 0) {
        return -1;
    }
    if (!now.is_told) {
        tell_unchecked(settling, where, "INFO", "its disk has what was written");
        settling->disks[where->node] = DISK_DONE;
        return 0;
    }
    switch (settling->disks[where->node]) {
    case DISK_ASK:
        if (!now.has_aof) {
            return ask_saves(settling, where);
        }
        settling->disks[where->node] = DISK_AOF;
        return look_at_aof(settling, where, &now);
    case DISK_AOF:
        return look_at_aof(settling, where, &now);
    case DISK_SAVE:
        return now.has_child ? 0 : begin_save(settling, where);
    case DISK_SAVING:
        return end_save(settling, where, &now);
    default:
        return 0;
    }
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static struct where where_of(const struct settling *settling, size_t node)
{
    return (struct where){.conn = settling->site->links[node],
                          .node = node,
                          .name = redis_address_write(&settling->site->table->nodes[node])};
}

/* The disks of all at the same time. *ret_left: how many are not done. */
static int look_at_disks(struct settling *settling, size_t *ret_left)
{
    *ret_left = 0;
    for (size_t i = 0; i < repartition_site_links(settling->site); i++) {
        const struct where where = where_of(settling, i);
        if (where.conn == NULL || settling->disks[i] == DISK_DONE) {
            continue;
        }
        if (look_at_disk(settling, &where) != 0) {
            return -1;
        }
        *ret_left += settling->disks[i] != DISK_DONE;
    }
    return 0;
}

int repartition_settle(struct repartition_site *site, const volatile sig_atomic_t *interrupted,
                       const struct report *report, struct error *error)
{
    struct settling settling = {.site = site, .interrupted = interrupted, .report = report, .error = error};
    for (size_t i = 0; i < repartition_site_links(site); i++) {
        const struct where where = where_of(&settling, i);
        if (where.conn != NULL && wait_replicas(&settling, &where) != 0) {
            return -1;
        }
    }
    size_t left;
    for (;;) {
        if (check_interrupted(&settling) != 0 || look_at_disks(&settling, &left) != 0) {
            return -1;
        }
        if (left == 0) {
            return 0;
        }
        clock_sleep_ms(LOOK_EVERY_MS);
    }
}
