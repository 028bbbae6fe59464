#include "gateway/api/counter_handlers.h"

#include "common/base/clock.h"
#include "common/base/compiler.h"
#include "common/contract/counter_rules.h"
#include "gateway/api/path_parameters.h"
#include "gateway/cache/cached_counter.h"
#include "gateway/http/admission.h"
#include "gateway/http/admission_line.h"
#include "gateway/http/reply.h"
#include "gateway/http/request_fields.h"
#include "gateway/json/counter_json.h"
#include "gateway/json/counter_json_write.h"

/* --- results ------------------------------------------------------------------------------------------------------ */

static struct request_state *state_of(struct submission *submission)
{
    return CONTAINER_OF(submission, struct request_state, submission);
}

static enum write_result write_result_of(const struct operation *operation)
{
    if (operation->status == STATUS_OK) {
        return operation->replayed ? WRITE_REPLAYED : WRITE_APPLIED;
    }
    return status_outcome(operation->status) == OUTCOME_UNKNOWN ? WRITE_UNKNOWN : WRITE_NOT_APPLIED;
}

/* Counts what became of the increments that were accepted. */
static void count_writes(struct request_state *state)
{
    size_t counts[WRITE_RESULTS] = {0};
    for (size_t i = 0; i < state->operations.count; i++) {
        counts[write_result_of(&state->operations.items[i])]++;
    }
    counts[WRITE_NOT_APPLIED] -= state->refused; /* those were never accepted */
    for (unsigned result = 0; result < WRITE_RESULTS; result++) {
        if (counts[result] > 0) {
            request_metrics_written(&state->loop->metrics, result, counts[result]);
        }
    }
}

static void answer_single(struct request_state *state)
{
    const struct operation *operation = &state->operations.items[0];
    if (operation->status != STATUS_OK) {
        reply_problem(state, operation->status, operation->detail);
        return;
    }
    if (operation->replayed) {
        reply_add_header(state, "Idempotent-Replayed", "true");
    }
    counter_json_write_counter(&state->request->reply, operation);
    reply_json(state, 200);
}

/* If every operation that was submitted ended with a 503, the status of the first of them; else STATUS_OK. */
static enum status common_refusal(const struct request_state *state)
{
    size_t refused = 0;
    enum status first = STATUS_OK;
    for (size_t i = 0; i < state->operations.count; i++) {
        const enum status status = state->operations.items[i].status;
        if (status_http_code(status) == 503) {
            first = first == STATUS_OK ? status : first;
            refused++;
        }
    }
    return refused == state->operations.count - state->refused ? first : STATUS_OK;
}

static void answer_batch(struct request_state *state)
{
    const struct operation_list *operations = &state->operations;
    const enum status refusal = common_refusal(state);
    if (refusal != STATUS_OK) {
        reply_problem(state, refusal, NULL);
        return;
    }
    counter_json_write_results(&state->request->reply, operations->items, operations->count, request_is_write(state));
    reply_json(state, 200);
}

static void on_done(struct submission *submission)
{
    struct request_state *state = state_of(submission);
    request_wait_end(state);
    admission_leave(state);
    if (submission->kind == BATCH_INCREMENT) {
        count_writes(state);
        cached_counter_written(state);
    } else if (state->answer == answer_single) {
        cached_counter_end(state);
    }
    if (state->is_abandoned) {
        request_state_release(state);
    } else {
        state->answer(state);
    }
}

/* --- submitting --------------------------------------------------------------------------------------------------- */

/* The batcher goes on, and its results end the wait. */
static void on_abandon(struct request_state *state)
{
    state->is_abandoned = true;
}

/* No abort: when the gateway ends, batcher_abort ends every submission. */
static const struct request_wait_kind results_wait = {on_abandon, NULL};

/* Hands the operations that broke no rule to the batcher. There is at least one. answer: called once all of them have
 * results. False: the request was answered with a problem. */
static bool submit(struct request_state *state, enum batch_kind kind, void (*answer)(struct request_state *state))
{
    struct loop_context *loop = state->loop;
    const size_t valid = state->operations.count - state->refused;
    if (!admission_check(state, valid)) {
        return false;
    }
    state->answer = answer;
    state->submission = (struct submission){
        .kind = kind,
        .operations = state->operations.items,
        .operation_count = state->operations.count,
        .deadline_us = request_state_deadline_us(state),
        .trace = request_trace_step(&state->trace),
        .trace_state = state->trace.state,
        .on_done = on_done,
    };
    if (state->submission.trace != NULL) {
        state->submission.waits_since_us = clock_monotonic_us();
    }
    if (batcher_submit(loop->batcher, &state->submission) != STATUS_OK) {
        admission_out_of_memory(state);
        return false;
    }
    state->is_submitted = true;
    if (kind == BATCH_INCREMENT) {
        cached_counter_writing(state);
    }
    request_wait_begin(state, &results_wait, NULL);
    admission_enter(state, valid);
    if (kind == BATCH_INCREMENT) {
        request_metrics_accepted(&loop->metrics, valid);
    }
    return true;
}

static void submit_batch(struct request_state *state, enum batch_kind kind)
{
    for (size_t i = 0; i < state->operations.count; i++) {
        state->refused += state->operations.items[i].done;
    }
    if (state->refused == state->operations.count) {
        answer_batch(state);
    } else {
        (void)submit(state, kind, answer_batch);
    }
}

static void refuse(struct request_state *state, enum status status, const char *detail)
{
    if (status == STATUS_OUT_OF_MEMORY) {
        admission_out_of_memory(state);
    } else {
        reply_problem(state, status, detail);
    }
}

/* --- the calls ---------------------------------------------------------------------------------------------------- */

enum {
    /* Bytes of a misnamed header's name that a sentence repeats. */
    NAME_SHOWN_MAX = 64,
};

/* A sentence that refuses a header named much like Idempotency-Key, whose sender relies on it; NULL if none came.
 * instead: the sentence's end. */
static const char *check_key_name(struct request_state *state, const char *instead)
{
    const struct text name = state->request->notable_name;
    if (name.data == NULL) {
        return NULL;
    }
    const int len = name.len < NAME_SHOWN_MAX ? (int)name.len : NAME_SHOWN_MAX;
    return operation_list_sentence(&state->operations, "%.*s is not a header of this call: %s", len, name.data,
                                   instead);
}

/* The key of the Idempotency-Key header, copied: the header does not live as long as the operation. Returns NULL, or
 * the rule that the header breaks. */
static const char *read_key(struct request_state *state, struct text *ret_key)
{
    const struct http_field *field = &state->request->fields[FIELD_IDEMPOTENCY_KEY];
    if (field->count == 0) {
        return check_key_name(state, "give the key as Idempotency-Key");
    }
    if (field->count > 1) {
        return "Idempotency-Key must be given once";
    }
    if (counter_rules_idempotency_key(field->value) != NULL) {
        return "Idempotency-Key must be 1-128 characters of visible ASCII (0x21-0x7E)";
    }
    memcpy(state->idempotency_key, field->value.data, field->value.len);
    *ret_key = (struct text){state->idempotency_key, field->value.len};
    return NULL;
}

/* Reads the one increment that header and body ask for. False: the request was answered with a problem. */
static bool read_increment(struct request_state *state)
{
    struct http_request *request = state->request;
    struct text key = {0};
    const char *detail = read_key(state, &key);
    if (detail != NULL) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, detail);
        return false;
    }
    const enum status status =
        counter_json_read_increment(&state->operations, request->body, request->body_len, &detail);
    if (status != STATUS_OK) {
        refuse(state, status, detail);
        return false;
    }
    state->operations.items[0].idempotency_key = key;
    return true;
}

void handle_increment(struct request_state *state)
{
    if (read_increment(state)) {
        (void)submit(state, BATCH_INCREMENT, answer_single);
    }
}

static void read_increments(struct request_state *state)
{
    const char *detail = NULL;
    const enum status status =
        counter_json_read_increments(&state->operations, state->request->body, state->request->body_len, &detail);
    if (status != STATUS_OK) {
        refuse(state, status, detail);
    } else {
        submit_batch(state, BATCH_INCREMENT);
    }
}

void handle_increment_batch(struct request_state *state)
{
    const char *detail = state->request->fields[FIELD_IDEMPOTENCY_KEY].count > 0
                             ? "Idempotency-Key must not be given for a batch: give each item its idempotency_key"
                             : check_key_name(state, "give each item its idempotency_key");
    if (detail != NULL) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, detail);
    } else {
        admission_line_enter(state, read_increments);
    }
}

static void read_queries(struct request_state *state)
{
    const char *detail = NULL;
    const enum status status =
        counter_json_read_queries(&state->operations, state->request->body, state->request->body_len, &detail);
    if (status != STATUS_OK) {
        refuse(state, status, detail);
    } else {
        submit_batch(state, BATCH_GET);
    }
}

void handle_get_batch(struct request_state *state)
{
    admission_line_enter(state, read_queries);
}

void handle_get(struct request_state *state)
{
    struct operation *operation = operation_list_add(&state->operations);
    if (operation == NULL) {
        admission_out_of_memory(state);
        return;
    }
    const char *broken = path_resource_id(state, 0, &operation->resource_id);
    if (broken == NULL) {
        broken = path_counter_type(state, 1, &operation->counter_type);
    }
    if (broken != NULL) {
        reply_problem(state, STATUS_INVALID_ARGUMENT, broken);
        return;
    }
    if (!cached_counter_begin(state) && submit(state, BATCH_GET, answer_single)) {
        cached_counter_asked(state);
    }
}
