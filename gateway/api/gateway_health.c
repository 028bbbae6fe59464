#include "gateway/api/gateway_health.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/timestamp.h"

/* From best to worst. */
enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_UNAVAILABLE, HEALTH_DRAINING };

static const char *const health_names[] = {
    [HEALTH_OK] = "ok",
    [HEALTH_DEGRADED] = "degraded",
    [HEALTH_UNAVAILABLE] = "unavailable",
    [HEALTH_DRAINING] = "draining",
};

static int http_status_of(enum health health)
{
    return health == HEALTH_OK || health == HEALTH_DEGRADED ? 200 : 503;
}

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

static void add_time(cJSON *object, const char *name, int64_t realtime_us)
{
    char text[TIMESTAMP_SIZE];
    timestamp_write(realtime_us, text);
    cJSON_AddStringToObject(object, name, text);
}

/* 0 is never. */
static void add_time_or_null(cJSON *object, const char *name, int64_t realtime_us)
{
    if (realtime_us != 0) {
        add_time(object, name, realtime_us);
    } else {
        cJSON_AddNullToObject(object, name);
    }
}

static void add_status(cJSON *object, enum health health)
{
    cJSON_AddStringToObject(object, "status", health_names[health]);
}

/* "" is none. */
static void add_store_or_null(cJSON *object, const char *store)
{
    if (store[0] != '\0') {
        cJSON_AddStringToObject(object, "store", store);
    } else {
        cJSON_AddNullToObject(object, "store");
    }
}

static bool is_of_other_store(const struct channel_pool_instance *instance)
{
    return instance->store_relation == STORE_OTHER;
}

/* It could serve otherwise. */
static bool tells_no_store(const struct channel_pool_instance *instance)
{
    return instance->serving && instance->ready_channels > 0 && instance->store[0] == '\0';
}

/* It answers reads. */
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
        return health_names[HEALTH_DEGRADED];
    }
    return health_names[instance->takes_calls ? HEALTH_OK : HEALTH_UNAVAILABLE];
}

static void add_instance(cJSON *instances, const struct channel_pool_instance *instance)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "target", instance->target);
    cJSON_AddStringToObject(object, "status", instance_status(instance));
    add_store_or_null(object, instance->store);
    cJSON_AddBoolToObject(object, "serving", instance->serving);
    cJSON_AddStringToObject(object, "breaker", breaker_state_name(instance->breaker));
    cJSON_AddNumberToObject(object, "ready_channels", instance->ready_channels);
    cJSON_AddNumberToObject(object, "channels", instance->channels);
    add_time_or_null(object, "last_change", instance->last_change_us);
    cJSON_AddItemToArray(instances, object);
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
static void add_detail(cJSON *component, const struct channel_pool_instance *instances, size_t count, size_t up)
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
    if (detail.len > 1 && !detail.failed) {
        cJSON_AddStringToObject(component, "detail", detail.data);
    }
    buffer_done(&detail);
}

/* Returns how the component is. */
static enum health add_counter_service(cJSON *components, struct channel_pool *pool)
{
    struct channel_pool_instance described[CHANNEL_POOL_MEMBERS_MAX];
    char store[STORE_ID_SIZE];
    const size_t count = channel_pool_describe(pool, described, CHANNEL_POOL_MEMBERS_MAX);
    cJSON *component = cJSON_AddObjectToObject(components, "counter_service");
    cJSON *instances = cJSON_CreateArray();
    size_t up = 0;
    size_t well = 0;
    for (size_t i = 0; i < count; i++) {
        add_instance(instances, &described[i]);
        up += described[i].takes_calls;
        well += described[i].takes_calls && !described[i].refuses_writes;
    }
    const enum health status = up == 0 ? HEALTH_UNAVAILABLE : well < count ? HEALTH_DEGRADED : HEALTH_OK;
    add_status(component, status);
    channel_pool_read_store(pool, store);
    add_store_or_null(component, store);
    add_detail(component, described, count, up);
    cJSON_AddItemToObject(component, "instances", instances);
    return status;
}

/* Why a source does not do well, unless that is not known yet. */
static void add_source_detail(cJSON *component, const struct endpoints_source *source, const char *names_nobody)
{
    if (source->questions.failure.message[0] != '\0') {
        cJSON_AddStringToObject(component, "detail", source->questions.failure.message);
    } else if (source->names_nobody) {
        cJSON_AddStringToObject(component, "detail", names_nobody);
    }
}

/* Without a source calls go on to the last good set: nothing is worse than degraded. from: the name of the field that
 * tells whom it asks. Returns how the component is. */
static enum health add_source(cJSON *component, const struct endpoints_source *source, const char *from,
                              const char *names_nobody)
{
    const bool is_up = source->questions.is_up;
    const bool is_well = is_up && !source->names_nobody;
    add_status(component, is_well ? HEALTH_OK : is_up ? HEALTH_DEGRADED : HEALTH_UNAVAILABLE);
    add_source_detail(component, source, names_nobody);
    cJSON_AddStringToObject(component, from, source->from);
    cJSON_AddNumberToObject(component, "instances", (double)source->instances);
    add_time_or_null(component, "last_success", source->questions.last_success_us);
    return is_well ? HEALTH_OK : HEALTH_DEGRADED;
}

/* An agent whose access control hides instances from a token answers as if there were none. */
static enum health add_consul(cJSON *components, const struct endpoints_description *description)
{
    char names_nobody[sizeof(struct error)];
    snprintf(names_nobody, sizeof(names_nobody),
             "it names no healthy %s: the last set is kept. If there are some, consul.token may not read them",
             description->service);
    return add_source(cJSON_AddObjectToObject(components, "consul"), &description->consul, "agent", names_nobody);
}

/* Returns how the worse of them is. */
static enum health add_sources(cJSON *components, struct endpoints *endpoints)
{
    struct endpoints_description description;
    enum health status = HEALTH_OK;
    endpoints_describe(endpoints, &description);
    if (description.consul.is_followed) {
        status = add_consul(components, &description);
    }
    if (description.name.is_followed) {
        const enum health name = add_source(cJSON_AddObjectToObject(components, "name"), &description.name, "name", "");
        status = name > status ? name : status;
    }
    return status;
}

static void add_gateway(cJSON *components, const struct gateway_health *health)
{
    const int64_t draining_since_us = atomic_load_explicit(&health->draining_since_us, memory_order_relaxed);
    cJSON *component = cJSON_AddObjectToObject(components, "gateway");
    add_status(component, draining_since_us != 0 ? HEALTH_DRAINING : HEALTH_OK);
    add_time(component, "last_change", draining_since_us != 0 ? draining_since_us : health->started_us);
}

/* Appends the document and frees it. cJSON's calls take NULL, so a failed allocation shows only here, as an incomplete
 * document at worst. */
static void print(cJSON *document, struct buffer *out)
{
    char *text = cJSON_PrintUnformatted(document);
    if (text == NULL) {
        out->failed = true;
    } else {
        buffer_append_text(out, text_of(text));
    }
    cJSON_free(text);
    cJSON_Delete(document);
}

int gateway_health_write(const struct gateway_health *health, struct buffer *out)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *components = cJSON_CreateObject();
    enum health status = add_counter_service(components, health->pool);
    if (health->endpoints != NULL) {
        const enum health sources = add_sources(components, health->endpoints);
        status = sources > status ? sources : status;
    }
    add_gateway(components, health);
    if (is_draining(health)) {
        status = HEALTH_DRAINING;
    }
    add_status(document, status);
    cJSON_AddItemToObject(document, "components", components);
    print(document, out);
    return http_status_of(status);
}

static int write_status(enum health status, struct buffer *out)
{
    buffer_append_format(out, "{\"status\":\"%s\"}", health_names[status]);
    return http_status_of(status);
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
