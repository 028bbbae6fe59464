#include "gateway/api/gateway_health.h"

#include <stdbool.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/process/health_document.h"

void gateway_health_init(struct gateway_health *health, struct channel_pool *pool, struct endpoints *endpoints)
{
    health->endpoints = endpoints;
    health->pool = pool;
    health->started_us = clock_realtime_us();
    atomic_init(&health->draining_since_us, 0);
}

void gateway_health_drain(struct gateway_health *health)
{
    atomic_store_explicit(&health->draining_since_us, clock_realtime_us(), memory_order_relaxed);
}

static bool is_draining(const struct gateway_health *health)
{
    return atomic_load_explicit(&health->draining_since_us, memory_order_relaxed) != 0;
}

static bool is_of_other_store(const struct channel_pool_instance *instance)
{
    return instance->store_relation == STORE_OTHER;
}

/* The instance could serve if it told one. */
static bool tells_no_store(const struct channel_pool_instance *instance)
{
    return instance->serving && instance->ready_channels > 0 && instance->store[0] == '\0';
}

/* The instance takes calls and answers reads. */
static bool refuses_writes(const struct channel_pool_instance *instance)
{
    return instance->takes_calls && instance->refuses_writes;
}

static const char *instance_status(const struct channel_pool_instance *instance)
{
    if (is_of_other_store(instance)) {
        return "other_store";
    }
    if (tells_no_store(instance)) {
        return "no_store";
    }
    if (refuses_writes(instance)) {
        return health_name(HEALTH_DEGRADED);
    }
    return health_name(instance->takes_calls ? HEALTH_OK : HEALTH_UNAVAILABLE);
}

static void add_instance(struct health_document *document, const struct channel_pool_instance *instance)
{
    health_document_add_entry(document);
    health_document_add_text(document, "target", instance->target);
    health_document_add_text(document, "status", instance_status(instance));
    health_document_add_text_or_null(document, "store", instance->store);
    health_document_add_bool(document, "serving", instance->serving);
    health_document_add_text(document, "breaker", breaker_state_name(instance->breaker));
    health_document_add_number(document, "ready_channels", instance->ready_channels);
    health_document_add_number(document, "channels", instance->channels);
    health_document_add_time(document, "last_change", instance->last_change_us);
}

/* Appends "2 instances are of another store: 10.0.0.1:50051, 10.0.0.2:50051" for those it is true of, if any. */
static void append_who(struct buffer *out, const struct channel_pool_instance *instances, size_t count,
                       bool (*is_one)(const struct channel_pool_instance *instance), const char *one,
                       const char *several)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += is_one(&instances[i]);
    }
    if (found == 0) {
        return;
    }
    buffer_append_format(out, "%s%zu %s:", out->len > 0 ? "; " : "", found, found == 1 ? one : several);
    const char *before = " ";
    for (size_t i = 0; i < count; i++) {
        if (is_one(&instances[i])) {
            buffer_append_format(out, "%s%s", before, instances[i].target);
            before = ", ";
        }
    }
}

/* What is wrong, if something is. */
static void add_detail(struct health_document *document, const struct channel_pool_instance *instances, size_t count,
                       size_t up)
{
    struct buffer detail;
    buffer_init(&detail);
    append_who(&detail, instances, count, is_of_other_store, "instance is of another store",
               "instances are of another store");
    if (up == 0 && detail.len > 0) {
        buffer_append_text(&detail,
                           TEXT("; none of this gateway's store takes calls (a restart of the gateway chooses anew)"));
    }
    append_who(&detail, instances, count, refuses_writes, "instance's Redis refuses writes (its /health says why)",
               "instances' Redis refuses writes (their /health says why)");
    append_who(&detail, instances, count, tells_no_store, "instance tells no store", "instances tell no store");
    buffer_append_text(&detail, TEXT("\0"));
    health_document_add_detail(document, detail.failed ? NULL : detail.data);
    buffer_done(&detail);
}

/* Returns how the component is. */
static enum health add_counter_service(struct health_document *document, struct channel_pool *pool)
{
    struct channel_pool_instance described[CHANNEL_POOL_MEMBERS_MAX];
    char store[STORE_ID_SIZE];
    const size_t count = channel_pool_describe(pool, described, CHANNEL_POOL_MEMBERS_MAX);
    size_t up = 0;
    size_t well = 0;
    for (size_t i = 0; i < count; i++) {
        up += described[i].takes_calls;
        well += described[i].takes_calls && !described[i].refuses_writes;
    }
    const enum health status = up == 0 ? HEALTH_UNAVAILABLE : well < count ? HEALTH_DEGRADED : HEALTH_OK;
    health_document_add_component(document, "counter_service", status);
    channel_pool_read_store(pool, store);
    health_document_add_text_or_null(document, "store", store);
    add_detail(document, described, count, up);
    health_document_add_list(document, "instances");
    for (size_t i = 0; i < count; i++) {
        add_instance(document, &described[i]);
    }
    return status;
}

/* Returns degraded at worst, since without a source calls go on to its last good set. from: the name of the field that
 * tells whom the source asks. */
static enum health add_source(struct health_document *document, const char *name, const struct endpoints_source *source,
                              const char *from, const char *names_nobody)
{
    const bool is_up = source->questions.is_up;
    const bool is_well = is_up && !source->names_nobody;
    /* Why the last question was not answered; "" if that is not known yet. */
    const char *failure = source->questions.failure.message;
    health_document_add_component(document, name, is_well ? HEALTH_OK : is_up ? HEALTH_DEGRADED : HEALTH_UNAVAILABLE);
    health_document_add_detail(document, failure[0] != '\0' ? failure : source->names_nobody ? names_nobody : "");
    health_document_add_text(document, from, source->from);
    health_document_add_number(document, "instances", (double)source->instances);
    health_document_add_time(document, "last_success", source->questions.last_success_us);
    return is_well ? HEALTH_OK : HEALTH_DEGRADED;
}

/* An agent whose access control hides instances from a token answers as if there were none. */
static enum health add_consul(struct health_document *document, const struct endpoints_description *description)
{
    char names_nobody[sizeof(struct error)];
    snprintf(names_nobody, sizeof(names_nobody),
             "it names no healthy %s: the last set is kept. If there are some, consul.token may not read them",
             description->service);
    return add_source(document, "consul", &description->consul, "agent", names_nobody);
}

/* Returns the health of the worse source. */
static enum health add_sources(struct health_document *document, struct endpoints *endpoints)
{
    struct endpoints_description description;
    enum health status = HEALTH_OK;
    endpoints_describe(endpoints, &description);
    if (description.consul.is_followed) {
        status = add_consul(document, &description);
    }
    if (description.name.is_followed) {
        const enum health name = add_source(document, "name", &description.name, "name", "");
        status = name > status ? name : status;
    }
    return status;
}

static void add_gateway(struct health_document *document, const struct gateway_health *health)
{
    const int64_t draining_since_us = atomic_load_explicit(&health->draining_since_us, memory_order_relaxed);
    health_document_add_component(document, "gateway", draining_since_us != 0 ? HEALTH_DRAINING : HEALTH_OK);
    health_document_add_time(document, "last_change", draining_since_us != 0 ? draining_since_us : health->started_us);
}

int gateway_health_write(const struct gateway_health *health, struct buffer *out)
{
    struct health_document document;
    health_document_begin(&document);
    enum health status = add_counter_service(&document, health->pool);
    if (health->endpoints != NULL) {
        const enum health sources = add_sources(&document, health->endpoints);
        status = sources > status ? sources : status;
    }
    add_gateway(&document, health);
    return health_document_end(&document, is_draining(health) ? HEALTH_DRAINING : status, out);
}

static int write_status(enum health status, struct buffer *out)
{
    struct health_document document;
    health_document_begin(&document);
    return health_document_end(&document, status, out);
}

int gateway_health_write_ready(const struct gateway_health *health, struct buffer *out)
{
    if (is_draining(health)) {
        return write_status(HEALTH_DRAINING, out);
    }
    return write_status(channel_pool_is_ready(health->pool) ? HEALTH_OK : HEALTH_UNAVAILABLE, out);
}

int gateway_health_write_live(const struct gateway_health *health, struct buffer *out)
{
    (void)health;
    return write_status(HEALTH_OK, out);
}
