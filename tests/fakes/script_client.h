/* Batches and sessions on a real Redis, by the service's own commands on one connection, one at a time: what a test
 * needs to compare the write script with an oracle. Functions fail the test when something unexpected happens. */
#ifndef TALLY_TESTS_FAKES_SCRIPT_CLIENT_H
#define TALLY_TESTS_FAKES_SCRIPT_CLIENT_H

#include "counter-service/commands/write_reply.h"
#include "counter-service/event/event.h"
#include "counter-service/store/store.h"
#include "tests/fakes/redis_process.h"
#include "tests/fakes/write_oracle.h"

struct script_client;

/* redis must allow DEBUG, and stays the caller's. */
struct script_client *script_client_create(struct redis_process *redis);
/* NULL is fine. */
void script_client_free(struct script_client *client);

/* What one copy of a batch did. */
struct script_outcome {
    char letter;  /* of the script's answer */
    bool changed; /* anything in the whole data set, but for when keys expire */
    struct write_reply reply;
    struct store_item items[ORACLE_ITEMS_MAX];
};

/* By the script's name, and by its text where Redis has forgotten that. */
struct script_outcome script_client_write(struct script_client *client, const struct oracle_batch *batch);
/* STORE_OPEN_SESSION or STORE_KEEP_SESSION. */
enum status script_client_session(struct script_client *client, enum store_operation operation, unsigned session);
/* The key of the session's hash; valid until the next call of this function. */
const char *script_client_session_key(unsigned session);

/* Reads the outbox, in which every event must have the number after the one before it. Returns how many there are. */
typedef void (*script_client_on_event)(void *ctx, const struct event *event);
uint64_t script_client_events(struct script_client *client, script_client_on_event on_event, void *ctx);

#endif
