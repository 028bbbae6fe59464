#include "common/consul/consul_reply.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

/* NULL if there is none, or it is empty or not a string. */
static const char *address_of(const cJSON *object)
{
    const char *address = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "Address"));
    return address != NULL && address[0] != '\0' ? address : NULL;
}

/* 0 if it is not a port. */
static int port_of(const cJSON *service)
{
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(service, "Port");
    if (!cJSON_IsNumber(port) || !(port->valuedouble >= 1 && port->valuedouble <= 65535)) {
        return 0;
    }
    const int number = (int)port->valuedouble;
    return number == port->valuedouble ? number : 0;
}

/* Returns whether the entry names an instance. */
static bool add_target(const cJSON *entry, struct target_set *set)
{
    const cJSON *service = cJSON_GetObjectItemCaseSensitive(entry, "Service");
    const char *address = address_of(service);
    if (address == NULL) {
        address = address_of(cJSON_GetObjectItemCaseSensitive(entry, "Node"));
    }
    const int port = port_of(service);
    if (address == NULL || port == 0 || !host_is_valid(address)) {
        return false;
    }
    target_set_add(set, address, port);
    return true;
}

int consul_reply_parse(struct text body, struct consul_instances *ret_instances, struct error *error)
{
    cJSON *list = cJSON_ParseWithLength(body.data, body.len);
    if (!cJSON_IsArray(list)) {
        cJSON_Delete(list);
        error_set(error, "the list of instances is not a JSON array");
        return -1;
    }
    memset(ret_instances, 0, sizeof(*ret_instances));
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list)
    {
        ret_instances->skipped += !add_target(entry, &ret_instances->set);
    }
    cJSON_Delete(list);
    return 0;
}

/* A decimal number without sign. Returns 0 if it is none or too large. */
static uint64_t parse_index(const char *text)
{
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        const unsigned digit = (unsigned)(*text - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return 0;
        }
        number = number * 10 + digit;
    }
    return *text == '\0' ? number : 0;
}

uint64_t consul_reply_next_index(uint64_t index, const char *header)
{
    const uint64_t next = parse_index(header);
    return next < index ? 0 : next;
}
