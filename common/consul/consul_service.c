#include "common/consul/consul_service.h"

#include <cjson/cJSON.h>
#include <stdio.h>

enum {
    CHECK_TIMEOUT_MAX_MS = 2000,
    DECIMAL_SIZE = 12,
    DURATION_SIZE = 16,
    TARGET_SIZE = HOST_PORT_SIZE + 256,
};

/* How long an instance may be critical. Redis being down makes every check critical, which must not empty Consul: only
 * an instance that never comes back must go. */
static const char deregister_after[] = "10m";

void consul_service_id(const struct consul_service *service, char out[CONSUL_SERVICE_ID_SIZE])
{
    snprintf(out, CONSUL_SERVICE_ID_SIZE, "%.32s-%s-%d", service->name, service->host, service->port);
}

static bool add_text(cJSON *object, const char *name, const char *value)
{
    return cJSON_AddStringToObject(object, name, value) != NULL;
}

static bool add_ms(cJSON *object, const char *name, int ms)
{
    char duration[DURATION_SIZE];
    snprintf(duration, sizeof(duration), "%dms", ms);
    return add_text(object, name, duration);
}

static bool add_decimal(cJSON *object, const char *name, int value)
{
    char decimal[DECIMAL_SIZE];
    snprintf(decimal, sizeof(decimal), "%d", value);
    return add_text(object, name, decimal);
}

/* What the agent asks: a gRPC service at host:port, or a URL. */
static bool add_target(cJSON *check, const struct consul_service *service)
{
    char address[HOST_PORT_SIZE];
    char target[TARGET_SIZE];
    host_port_write(service->host, service->port, address);
    if (service->grpc_service != NULL) {
        snprintf(target, sizeof(target), "%s/%s", address, service->grpc_service);
        return add_text(check, "GRPC", target);
    }
    snprintf(target, sizeof(target), "http://%s%s", address, service->http_path);
    return add_text(check, "HTTP", target);
}

static bool add_check(cJSON *body, const struct consul_service *service, const char *id)
{
    char check_id[CONSUL_SERVICE_ID_SIZE + 8];
    const int half_ms = service->interval_ms / 2;
    cJSON *check = cJSON_AddObjectToObject(body, "Check");
    snprintf(check_id, sizeof(check_id), "%s-health", id);
    return check != NULL && add_text(check, "CheckID", check_id) && add_text(check, "Name", check_id) &&
           add_target(check, service) && add_ms(check, "Interval", service->interval_ms) &&
           add_ms(check, "Timeout", half_ms < CHECK_TIMEOUT_MAX_MS ? half_ms : CHECK_TIMEOUT_MAX_MS) &&
           add_text(check, "DeregisterCriticalServiceAfter", deregister_after);
}

/* Meta values are strings. */
static bool add_meta(cJSON *body, const struct consul_service *service)
{
    cJSON *meta = cJSON_AddObjectToObject(body, "Meta");
    const bool has_store = service->store_id != NULL && service->store_id[0] != '\0';
    return meta != NULL && add_text(meta, "version", service->version) &&
           add_decimal(meta, "metrics_port", service->metrics_port) &&
           (service->partitions == 0 || add_decimal(meta, "partitions", service->partitions)) &&
           (!has_store || add_text(meta, "store_id", service->store_id));
}

char *consul_service_json(const struct consul_service *service)
{
    char id[CONSUL_SERVICE_ID_SIZE];
    char *text = NULL;
    cJSON *body = cJSON_CreateObject();
    consul_service_id(service, id);
    if (body != NULL && add_text(body, "ID", id) && add_text(body, "Name", service->name) &&
        add_text(body, "Address", service->host) && cJSON_AddNumberToObject(body, "Port", service->port) != NULL &&
        add_meta(body, service) && add_check(body, service, id)) {
        text = cJSON_PrintUnformatted(body);
    }
    cJSON_Delete(body);
    return text;
}
