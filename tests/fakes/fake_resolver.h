/* A resolver that answers what the test says. The test program defines getaddrinfo and freeaddrinfo by it, in place of
 * the C library's. Any thread. */
#ifndef TALLY_TESTS_FAKES_FAKE_RESOLVER_H
#define TALLY_TESTS_FAKES_FAKE_RESOLVER_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>

/* What every look-up answers from now on: these addresses, in this order, twice if they are given twice. None: the name
 * is not known. Strings that stay. */
void fake_resolver_answer(const char *const *addresses, size_t count);
/* Look-ups that begin, or are under way, do not end until they are let go. */
void fake_resolver_hold(bool hold);
/* How many began. */
size_t fake_resolver_lookups(void);

/* The list that look-ups answer, as getaddrinfo makes it. NULL if it is empty. */
struct addrinfo *fake_resolver_list(void);

int fake_resolver_getaddrinfo(struct addrinfo **ret_list);
void fake_resolver_freeaddrinfo(struct addrinfo *list);

#endif
