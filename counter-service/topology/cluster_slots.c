#include "counter-service/topology/cluster_slots.h"

#include "counter-service/topology/redis_slot.h"

/* Slots from first to last, and their master. */
struct slot_range {
    int64_t first;
    int64_t last;
    struct redis_address master;
};

/* Of [name, value, ...]; empty if it is not there. */
static struct text find_value(const struct redis_reply *list, struct text name)
{
    for (size_t i = 0; list->type == REDIS_ARRAY && i + 1 < list->element_count; i += 2) {
        if (text_equal(redis_reply_element(list, i).text, name)) {
            return redis_reply_element(list, i + 1).text;
        }
    }
    return TEXT("");
}

/* "?": the cluster prefers names, and nobody has told that node's: its IP is among the rest. */
static struct text read_ip(const struct redis_reply *node)
{
    if (node->element_count < 4) {
        return TEXT("");
    }
    const struct redis_reply rest = redis_reply_element(node, 3);
    return find_value(&rest, TEXT("ip"));
}

/* A node: [address, port, id, rest]. An address that is null or empty is that of whoever was asked. */
static int read_node(const struct redis_reply *node, const struct redis_address *asked,
                     struct redis_address *ret_address)
{
    if (node->type != REDIS_ARRAY || node->element_count < 2) {
        return -1;
    }
    const struct redis_reply host = redis_reply_element(node, 0);
    const struct redis_reply port = redis_reply_element(node, 1);
    if ((host.type != REDIS_TEXT && host.type != REDIS_NIL) || port.type != REDIS_INTEGER) {
        return -1;
    }
    const struct text place = text_equal(host.text, TEXT("?")) ? read_ip(node) : host.text;
    return redis_address_of_tcp(place.len == 0 ? text_of(asked->tcp.host) : place, port.integer, ret_address);
}

/* [first, last, master, replicas]. */
static int read_range(const struct redis_reply *entry, const struct redis_address *asked, struct slot_range *ret_range)
{
    if (entry->type != REDIS_ARRAY || entry->element_count < 3) {
        return -1;
    }
    const struct redis_reply first = redis_reply_element(entry, 0);
    const struct redis_reply last = redis_reply_element(entry, 1);
    const struct redis_reply master = redis_reply_element(entry, 2);
    if (first.type != REDIS_INTEGER || last.type != REDIS_INTEGER || first.integer < 0 || last.integer >= REDIS_SLOTS ||
        first.integer > last.integer) {
        return -1;
    }
    ret_range->first = first.integer;
    ret_range->last = last.integer;
    return read_node(&master, asked, &ret_range->master);
}

static void take_range(const struct slot_range *range, struct topology_table *table)
{
    uint16_t node = TOPOLOGY_NOWHERE;
    for (int i = 0; i < table->partitions; i++) {
        const int slot = redis_slot_of_partition(i);
        if (slot >= range->first && slot <= range->last) {
            node = node == TOPOLOGY_NOWHERE ? topology_table_node(table, &range->master) : node;
            table->at[i] = node;
        }
    }
}

int cluster_slots_read(const struct redis_reply *reply, const struct redis_address *asked, struct topology_table *table,
                       struct error *error)
{
    topology_table_init(table, table->partitions);
    if (reply->type != REDIS_ARRAY) {
        error_set(error, "Redis's answer to CLUSTER SLOTS was not understood");
        return -1;
    }
    for (size_t i = 0; i < reply->element_count; i++) {
        const struct redis_reply entry = redis_reply_element(reply, i);
        struct slot_range range;
        if (read_range(&entry, asked, &range) != 0) {
            error_set(error, "Redis's answer to CLUSTER SLOTS was not understood");
            return -1;
        }
        take_range(&range, table);
    }
    return 0;
}

bool cluster_slots_find(const struct redis_reply *reply, const struct redis_address *asked, int slot,
                        struct redis_address *ret_address)
{
    for (size_t i = 0; reply->type == REDIS_ARRAY && i < reply->element_count; i++) {
        const struct redis_reply entry = redis_reply_element(reply, i);
        struct slot_range range;
        if (read_range(&entry, asked, &range) == 0 && slot >= range.first && slot <= range.last) {
            *ret_address = range.master;
            return true;
        }
    }
    return false;
}
