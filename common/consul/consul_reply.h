/* Reads what a Consul agent answers to GET /v1/health/service/NAME
 * (https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service). Pure. */
#ifndef TALLY_COMMON_CONSUL_CONSUL_REPLY_H
#define TALLY_COMMON_CONSUL_CONSUL_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/compiler.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "common/discovery/target_set.h"

/* Large: not for the stack of a small thread. */
struct consul_instances {
    struct target_set set;
    size_t skipped; /* entries without a usable address or port */
};

/* A service without an address of its own has its node's. Returns 0, or -1 with error filled when body is not a JSON
 * array. */
int consul_reply_parse(struct text body, struct consul_instances *ret_instances, struct error *error) MUST_CHECK;

/* The X-Consul-Index to ask with next (https://developer.hashicorp.com/consul/api-docs/features/blocking): what header
 * says, or 0, which asks anew, if that went backwards or is no index. */
uint64_t consul_reply_next_index(uint64_t index, const char *header);

#endif
