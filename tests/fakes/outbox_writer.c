#include "tests/fakes/outbox_writer.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "counter-service/event/event_batch.h"
#include "counter-service/redis/redis_command.h"
#include "tests/fakes/loopback.h"

enum { TIMEOUT_MS = 5000 };

void outbox_writer_reopen(struct outbox_writer *writer, struct redis_process *redis)
{
    struct error error;
    redis_conn_close(writer->conn);
    const char *port = strchr(redis_process_address(redis), ':') + 1;
    writer->conn = loopback_conn((int)strtol(port, NULL, 10), TIMEOUT_MS, &error);
    assert_non_null(writer->conn);
}

void outbox_writer_open(struct outbox_writer *writer, struct redis_process *redis)
{
    *writer = (struct outbox_writer){.conn = NULL};
    REDIS_ASK(redis, "SETNX", "tally:store", "0123456789abcdef0123456789abcdef");
    outbox_writer_reopen(writer, redis);
}

void outbox_writer_close(struct outbox_writer *writer)
{
    redis_conn_close(writer->conn);
}

static void ask_all(struct outbox_writer *writer, const struct buffer *requests, size_t count)
{
    struct error error;
    struct redis_reply reply;
    assert_int_equal(redis_command_begin(writer->conn, requests, TIMEOUT_MS, &error), 0);
    for (size_t i = 0; i < count; i++) {
        if (redis_command_expect(writer->conn, "write", &reply, &error) != 0) {
            fail_msg("%s", error.message);
        }
    }
}

void outbox_writer_add(struct outbox_writer *writer, int partition, int count)
{
    char stream[32], marks[32], resource[16], first[24], last[24];
    struct buffer requests;
    struct buffer items;
    struct buffer results;
    uint64_t *number = &writer->numbers[partition];
    buffer_init(&requests);
    buffer_init(&items);
    buffer_init(&results);
    snprintf(stream, sizeof(stream), "tally:{p%d}:events", partition);
    snprintf(marks, sizeof(marks), "tally:{p%d}:outbox", partition);
    snprintf(resource, sizeof(resource), "p%d", partition);
    snprintf(first, sizeof(first), "%" PRIu64, *number + 1);
    event_batch_begin(&items);
    for (int i = 0; i < count; i++) {
        const struct event_batch_item item = {text_of(resource), TEXT("like"), {NULL, 0}, 1};
        event_batch_put(&items, &item);
        buffer_append_format(&results, "%s%" PRIu64, i > 0 ? " " : "", ++*number);
    }
    snprintf(last, sizeof(last), "%" PRIu64, *number);
    redis_command_words(&requests, TEXT("XADD"), text_of(stream), TEXT("*"), TEXT("n"), text_of(first), TEXT("i"),
                        ((struct text){items.data, items.len}), TEXT("r"), ((struct text){results.data, results.len}));
    redis_command_words(&requests, TEXT("HSET"), text_of(marks), TEXT("n"), text_of(last));
    ask_all(writer, &requests, 2);
    buffer_done(&requests);
    buffer_done(&items);
    buffer_done(&results);
}
