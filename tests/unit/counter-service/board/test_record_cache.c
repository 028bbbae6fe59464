/* Records that are held: what is found is what was put last, and what was asked for stays for its turn. */
#include "counter-service/board/record_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/prng.h"

enum { TYPES = 3, RESOURCES = 2 * RECORD_CACHE_MAX, NAME_SIZE = 16, RECORD_SIZE = 64 };

static struct text name_of(char out[NAME_SIZE], int resource)
{
    return (struct text){out, (size_t)snprintf(out, NAME_SIZE, "r%d", resource)};
}

/* Of a length that differs from version to version. */
static struct text record_of(char out[RECORD_SIZE], size_t type, int resource, int version)
{
    return (struct text){out,
                         (size_t)snprintf(out, RECORD_SIZE, "%zu:%d:%.*d", type, resource, 1 + version % 40, version)};
}

static int setup(void **state)
{
    static struct record_cache cache;
    assert_int_equal(record_cache_init(&cache, RECORD_CACHE_MAX), 0);
    *state = &cache;
    return 0;
}

static int teardown(void **state)
{
    record_cache_done(*state);
    return 0;
}

static void test_what_is_found_was_put_last(void **state)
{
    struct record_cache *cache = *state;
    struct prng prng = {7};
    char name[NAME_SIZE];
    char record[RECORD_SIZE];
    int *versions = calloc((size_t)TYPES * RESOURCES, sizeof(*versions)); /* 0: none was put, or it was dropped */
    size_t found = 0;
    assert_non_null(versions);
    for (int step = 1; step <= 1000 * 1000; step++) {
        const size_t type = prng_up_to(&prng, TYPES - 1);
        const int resource = (int)prng_up_to(&prng, prng_up_to(&prng, RESOURCES - 1));
        int *version = &versions[type * RESOURCES + (size_t)resource];
        const struct text id = name_of(name, resource);
        struct record_cache_entry *entry = record_cache_ask(cache, type, id);
        if (entry != NULL) {
            const struct text held = record_cache_record(entry);
            found++;
            assert_true(*version != 0 && text_equal(held, record_of(record, type, resource, *version)));
        }
        *version = step % 7 == 0 ? 0 : step;
        if (*version == 0) {
            record_cache_drop(cache, type, id);
            assert_null(record_cache_ask(cache, type, id));
        } else if (entry != NULL && step % 2 == 0) {
            record_cache_renew(entry, record_of(record, type, resource, *version));
        } else {
            record_cache_put(cache, type, id, record_of(record, type, resource, *version));
        }
        if (step % 1000 == 0) {
            record_cache_turn(cache);
        }
    }
    assert_true(found > 100 * 1000);
    record_cache_clear(cache);
    for (int resource = 0; resource < RESOURCES; resource++) {
        assert_null(record_cache_ask(cache, 0, name_of(name, resource)));
    }
    free(versions);
}

static void test_what_was_asked_for_stays_for_the_turn(void **state)
{
    struct record_cache *cache = *state;
    char name[NAME_SIZE];
    enum { ASKED = 2000 };
    static bool is_held[ASKED];
    for (int i = 0; i < ASKED; i++) {
        record_cache_put(cache, 0, name_of(name, i), TEXT("x"));
    }
    record_cache_turn(cache);
    for (int i = 0; i < ASKED; i++) {
        is_held[i] = record_cache_ask(cache, 0, name_of(name, i)) != NULL;
    }
    for (int i = ASKED; i < RESOURCES; i++) {
        record_cache_put(cache, 0, name_of(name, i), TEXT("y"));
    }
    for (int i = 0; i < ASKED; i++) {
        assert_int_equal((record_cache_ask(cache, 0, name_of(name, i)) != NULL), is_held[i]);
    }
    /* In the next turn they may go. */
    int left = 0;
    record_cache_turn(cache);
    for (int i = ASKED; i < RESOURCES; i++) {
        record_cache_put(cache, 0, name_of(name, i), TEXT("z"));
    }
    for (int i = 0; i < ASKED; i++) {
        left += (record_cache_ask(cache, 0, name_of(name, i)) != NULL);
    }
    assert_true(left < ASKED);
}

static void test_an_empty_record_is_held_too(void **state)
{
    struct record_cache *cache = *state;
    record_cache_put(cache, 0, TEXT("a"), TEXT(""));
    const struct text held = record_cache_record(record_cache_ask(cache, 0, TEXT("a")));
    assert_true(held.data != NULL && held.len == 0);
    assert_null(record_cache_ask(cache, 1, TEXT("a")));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_found_was_put_last),
        TEST(test_what_was_asked_for_stays_for_the_turn),
        TEST(test_an_empty_record_is_held_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
