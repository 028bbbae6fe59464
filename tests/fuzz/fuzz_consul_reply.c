/* What a Consul agent answers about the instances of a service. The first line is the X-Consul-Index, the rest the
 * body. Whatever it is, the targets are good, sorted and no two alike. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/consul/consul_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_instances(const struct consul_instances *instances)
{
    assert(instances->set.count <= INSTANCES_MAX);
    assert(instances->set.cut == 0 || instances->set.count == INSTANCES_MAX);
    for (size_t i = 0; i < instances->set.count; i++) {
        struct host_port address;
        const int failed = host_port_parse(instances->set.targets[i], &address);
        assert(failed == 0);
        assert(i == 0 || strcmp(instances->set.targets[i - 1], instances->set.targets[i]) < 0);
    }
}

static void check_body(struct text body)
{
    static struct consul_instances instances;
    struct error error = {.message = ""};
    if (consul_reply_parse(body, &instances, &error) == 0) {
        check_instances(&instances);
        assert(error.message[0] == '\0');
    } else {
        assert(error.message[0] != '\0');
    }
}

static void check_index(const uint8_t *data, size_t size)
{
    char *header = calloc(1, size + 1);
    if (header == NULL) {
        return;
    }
    memcpy(header, data, size);
    const uint64_t index = consul_reply_next_index(0, header);
    assert(consul_reply_next_index(index, header) == index);
    assert(index == UINT64_MAX || consul_reply_next_index(index + 1, header) == 0);
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    const size_t line_len = end == NULL ? 0 : (size_t)(end - data);
    const size_t body_start = end == NULL ? 0 : line_len + 1;
    check_index(data, line_len);
    check_body((struct text){(const char *)data + body_start, size - body_start});
    return 0;
}
