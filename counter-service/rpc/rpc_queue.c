#include "counter-service/rpc/rpc_queue.h"

#include <assert.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/compiler.h"
#include "common/thread/thread.h"
#include "counter-service/rpc/rpc_limits.h"

/* --- calls, on the queue's thread --------------------------------------------------------------------------------- */

static struct rpc_queue *queue_of(struct rpc_call_home *home)
{
    return CONTAINER_OF(home, struct rpc_queue, home);
}

/* A call to arm, or NULL when out of memory. */
static struct rpc_call *take(struct rpc_queue *queue)
{
    struct rpc_call *call = queue->kept;
    if (call == NULL) {
        return rpc_call_create(&queue->home);
    }
    assert(queue->kept_count > 0);
    queue->kept = call->next;
    queue->kept_count--;
    return call;
}

static void keep(struct rpc_queue *queue, struct rpc_call *call)
{
    if (queue->kept_count >= RPC_CALLS_KEPT) {
        rpc_call_free(call);
        return;
    }
    call->next = queue->kept;
    queue->kept = call;
    queue->kept_count++;
}

/* Hands a call that arrived to its handler. */
static void dispatch(struct rpc_queue *queue, struct rpc_call *call)
{
    pthread_mutex_lock(&queue->lock);
    if (queue->refusing) {
        rpc_call_fail(call, STATUS_DRAINING, NULL);
    } else {
        call->served->method->handle(call->served->ctx, call);
    }
    pthread_mutex_unlock(&queue->lock);
}

static void on_arrived(struct rpc_call_home *home, struct rpc_call *call)
{
    struct rpc_queue *queue = queue_of(home);
    atomic_fetch_add_explicit(&queue->open_calls, 1, memory_order_relaxed);
    struct rpc_call *next = take(queue);
    if (next == NULL) {
        call->arm_again = true;
        rpc_call_fail(call, STATUS_OUT_OF_MEMORY, "The service is out of memory");
        return;
    }
    rpc_call_arm(next, call->served);
    dispatch(queue, call);
}

static void on_over(struct rpc_call_home *home, struct rpc_call *call, bool had_arrived)
{
    struct rpc_queue *queue = queue_of(home);
    if (had_arrived) {
        const unsigned before = atomic_fetch_sub_explicit(&queue->open_calls, 1, memory_order_relaxed);
        assert(before > 0);
        (void)before;
    }
    if (call->arm_again) {
        call->arm_again = false;
        rpc_call_arm(call, call->served);
    } else {
        keep(queue, call);
    }
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

/* The next completion, or GRPC_QUEUE_SHUTDOWN, however long that takes. */
static grpc_event next_completion(struct rpc_queue *queue)
{
    const gpr_timespec longest = gpr_time_from_millis(RPC_TURN_MS_MAX, GPR_TIMESPAN);
    for (;;) {
        heartbeat_turn(&queue->heartbeat);
        const grpc_event completion = grpc_completion_queue_next(queue->home.completions, queue->turn_until, NULL);
        if (completion.type != GRPC_QUEUE_TIMEOUT) {
            return completion;
        }
        /* turn_until is moved only here, not for each completion: the library returns completions that are there even
         * when the time has passed. */
        queue->turn_until = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), longest);
    }
}

static void *run(void *data)
{
    struct rpc_queue *queue = data;
    for (;;) {
        const grpc_event completion = next_completion(queue);
        if (completion.type == GRPC_QUEUE_SHUTDOWN) {
            return NULL;
        }
        struct rpc_event *event = completion.tag;
        rpc_event_take(event);
        event->on_event(event, completion.success != 0);
    }
}

static int start_thread(struct rpc_queue *queue, int number, struct error *error)
{
    char name[16];
    snprintf(name, sizeof(name), "rpc-%d", number);
    return thread_start(&queue->thread, name, run, queue, error);
}

struct rpc_queue *rpc_queue_create(grpc_server *server, int number, struct error *error)
{
    struct rpc_queue *queue = calloc(1, sizeof(*queue));
    if (queue == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    queue->home = (struct rpc_call_home){
        .server = server,
        .completions = grpc_completion_queue_create_for_next(NULL),
        .on_arrived = on_arrived,
        .on_over = on_over,
    };
    grpc_server_register_completion_queue(server, queue->home.completions, NULL);
    if (start_thread(queue, number, error) != 0) {
        grpc_completion_queue_shutdown(queue->home.completions);
        run(queue); /* in the thread's place: to the end of the completions */
        grpc_completion_queue_destroy(queue->home.completions);
        pthread_mutex_destroy(&queue->lock);
        free(queue);
        return NULL;
    }
    return queue;
}

void rpc_queue_free(struct rpc_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    grpc_completion_queue_shutdown(queue->home.completions);
    pthread_join(queue->thread, NULL);
    grpc_completion_queue_destroy(queue->home.completions);
    while (queue->kept != NULL) {
        struct rpc_call *call = queue->kept;
        queue->kept = call->next;
        rpc_call_free(call);
    }
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

int rpc_queue_arm(struct rpc_queue *queue, const struct rpc_served_method *served)
{
    for (unsigned i = 0; i < served->method->armed; i++) {
        struct rpc_call *call = rpc_call_create(&queue->home);
        if (call == NULL) {
            return -1;
        }
        rpc_call_arm(call, served);
    }
    return 0;
}

void rpc_queue_refuse(struct rpc_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->refusing = true;
    pthread_mutex_unlock(&queue->lock);
}
