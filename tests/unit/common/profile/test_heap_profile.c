#include "common/profile/heap_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/profile/profile_message.h"

/* ---- what jemalloc writes ---- */

static const struct profile_sample *sample_at(const struct profile *profile, size_t i)
{
    assert_true((i + 1) * sizeof(struct profile_sample) <= profile->samples.len);
    return (const struct profile_sample *)(const void *)profile->samples.data + i;
}

static uint64_t frame_at(const struct profile *profile, size_t i)
{
    return ((const uint64_t *)(const void *)profile->frames.data)[i];
}

static void test_each_stack_is_scaled_up_to_what_it_stands_for(void **state)
{
    (void)state;
    struct profile profile;
    struct error error;
    const int read = heap_profile_read(TEXT("heap_v2/524288\n"
                                            "  t*: 3: 1049000 [0: 0]\n"
                                            "  t0: 3: 1049000 [0: 0]\n"
                                            "@ 0x1000 0x2000 0x3000\n"
                                            "  t*: 1: 1048576 [0: 0]\n"
                                            "  t0: 1: 1048576 [0: 0]\n"
                                            "@ 0x1000\n"
                                            "  t*: 2: 424 [0: 0]\n"
                                            "  t1: 2: 424 [0: 0]\n"
                                            "@ 0x4000\n"
                                            "  t*: 0: 0 [0: 0]\n"
                                            "\nMAPPED_LIBRARIES:\n"
                                            "@ 0x5000\n"
                                            "  t*: 9: 9 [0: 0]\n"),
                                       &profile, &error);
    assert_int_equal(read, 0);
    assert_int_equal(profile.period, 524288);
    assert_int_equal(profile.samples.len, 2 * sizeof(struct profile_sample));
    /* 1 / (1 - e^-2) */
    assert_int_equal(sample_at(&profile, 0)->values[0], 1);
    assert_in_range(sample_at(&profile, 0)->values[1], 1212600, 1212800);
    assert_int_equal(sample_at(&profile, 0)->depth, 3);
    assert_int_equal(frame_at(&profile, 0), 0x1000);
    assert_int_equal(frame_at(&profile, 1), 0x1fff); /* within the call */
    /* 2 of 212 bytes stand for about 524288 bytes each. */
    assert_in_range(sample_at(&profile, 1)->values[1], 1048000, 1049600);
    assert_in_range(sample_at(&profile, 1)->values[0], 4900, 5000);
    profile_done(&profile);
}

static void test_what_is_no_dump_is_told(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "heap profile: 1: 2", "heap_v2/", "heap_v2/x", "heap_v2/0", "heap_v2/-5\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct profile profile;
        struct error error = {.message = ""};
        assert_int_equal(heap_profile_read(text_of(texts[i]), &profile, &error), -1);
        assert_string_equal(error.message, "what jemalloc has written is no heap_v2");
        profile_done(&profile);
    }
}

static void test_a_damaged_dump_gives_what_can_be_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"heap_v2/1",
                                        "heap_v2/1\n@",
                                        "heap_v2/1\n@\n  t*: 1: 1 [0: 0]\n",
                                        "heap_v2/1\n@ zzz\n  t*: 1: 1 [0: 0]\n",
                                        "heap_v2/1\n@ 0x1\n  t*: -1: 1 [\n",
                                        "heap_v2/1\n@ 0x1\n  t*: 1\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct profile profile;
        struct error error;
        assert_int_equal(heap_profile_read(text_of(texts[i]), &profile, &error), 0);
        assert_int_equal(profile.samples.len, 0);
        profile_done(&profile);
    }
}

/* ---- a leak ---- */

/* One byte in 512 KiB is sampled: about 128 blocks when they are small. Half or twice as many do not happen. */
enum { LEAK_BYTES = 64 * 1024 * 1024, SMALL_BLOCK = 1024, BIG_BLOCK = 1024 * 1024 };

static char *leaked[LEAK_BYTES / SMALL_BLOCK];

__attribute__((noinline)) static void leak_some(size_t block)
{
    for (size_t i = 0; i < LEAK_BYTES / block; i++) {
        leaked[i] = malloc(block);
        assert_non_null(leaked[i]);
    }
}

static void free_leaked(size_t block)
{
    for (size_t i = 0; i < LEAK_BYTES / block; i++) {
        free(leaked[i]);
    }
}

static const Perftools__Profiles__Function *function_of(const Perftools__Profiles__Profile *message,
                                                        uint64_t location_id)
{
    const Perftools__Profiles__Location *location = message->location[location_id - 1];
    return location->n_line > 0 ? message->function[location->line[0]->function_id - 1] : NULL;
}

static bool is_named(const Perftools__Profiles__Profile *message, const Perftools__Profiles__Function *function,
                     const char *name)
{
    const ProtobufCBinaryData *text = &message->string_table[function->name];
    return text->len == strlen(name) && memcmp(text->data, name, text->len) == 0;
}

/* Bytes of all samples that the function itself has allocated: the allocator's frames are not among them. */
static int64_t bytes_of(const Perftools__Profiles__Profile *message, const char *name)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < message->n_sample; i++) {
        const Perftools__Profiles__Function *function = function_of(message, message->sample[i]->location_id[0]);
        bytes += function != NULL && is_named(message, function, name) ? message->sample[i]->value[1] : 0;
    }
    return bytes;
}

static int64_t leaked_bytes(void)
{
    struct profile profile;
    struct error error = {.message = ""};
    struct buffer packed;
    buffer_init(&packed);
    if (heap_profile_take(&profile, &error) != 0 || profile_write(&profile, &packed, &error) != 0) {
        fail_msg("%s", error.message);
    }
    Perftools__Profiles__Profile *message =
        perftools__profiles__profile__unpack(NULL, packed.len, (const uint8_t *)packed.data);
    assert_non_null(message);
    const int64_t bytes = bytes_of(message, "leak_some");
    perftools__profiles__profile__free_unpacked(message, NULL);
    buffer_done(&packed);
    profile_done(&profile);
    return bytes;
}

/* The sanitizers have an allocator of their own. */
static void check_there_is_none(void)
{
    struct profile profile;
    struct error error;
    assert_int_equal(heap_profile_set_active(true, &error), -1);
    assert_false(heap_profile_is_active());
    assert_int_equal(heap_profile_take(&profile, &error), -1);
    assert_non_null(strstr(error.message, "jemalloc does not tell"));
    profile_done(&profile);
}

static void set_active(bool is_active)
{
    struct error error;
    assert_int_equal(heap_profile_set_active(is_active, &error), 0);
    assert_true(heap_profile_is_active() == is_active);
}

static void test_a_leak_is_seen_where_it_is(void **state)
{
    (void)state;
    static const size_t blocks[] = {BIG_BLOCK, SMALL_BLOCK};
    if (!heap_profile_is_there()) {
        check_there_is_none();
        return;
    }
    assert_false(heap_profile_is_active());
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        set_active(true);
        leak_some(blocks[i]);
        assert_in_range(leaked_bytes(), LEAK_BYTES / 2, 2 * LEAK_BYTES);
        free_leaked(blocks[i]);
        assert_int_equal(leaked_bytes(), 0);
        set_active(false);
        leak_some(blocks[i]);
        assert_int_equal(leaked_bytes(), 0); /* it was not sampled */
        free_leaked(blocks[i]);
    }
}

static void test_what_was_sampled_before_is_forgotten(void **state)
{
    (void)state;
    if (!heap_profile_is_there()) {
        return;
    }
    set_active(true);
    leak_some(SMALL_BLOCK);
    assert_in_range(leaked_bytes(), LEAK_BYTES / 2, 2 * LEAK_BYTES);
    set_active(true);
    assert_int_equal(leaked_bytes(), 0);
    free_leaked(SMALL_BLOCK);
    assert_int_equal(leaked_bytes(), 0);
    set_active(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_stack_is_scaled_up_to_what_it_stands_for),
        cmocka_unit_test(test_what_is_no_dump_is_told),
        cmocka_unit_test(test_a_damaged_dump_gives_what_can_be_read),
        cmocka_unit_test(test_a_leak_is_seen_where_it_is),
        cmocka_unit_test(test_what_was_sampled_before_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
