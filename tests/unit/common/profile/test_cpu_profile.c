#include "common/profile/cpu_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/profile/profile_message.h"
#include "common/thread/thread.h"

enum { PERIOD_NS = 10 * 1000 * 1000 };

static atomic_bool stop;

/* Both are found by name: one is this program's own, static and not exported. */
__attribute__((noinline)) static uint64_t burn_some(uint64_t seed)
{
    for (int i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        __asm__ volatile("" : "+r"(seed));
    }
    return seed;
}

static void *burn(void *ctx)
{
    uint64_t seed = 1;
    while (!atomic_load(&stop)) {
        seed = burn_some(seed);
    }
    *(uint64_t *)ctx = seed;
    return NULL;
}

static bool pause_for(void *ctx, int pause_ms)
{
    (void)ctx;
    clock_sleep_ms(pause_ms);
    return true;
}

static bool give_up(void *ctx, int pause_ms)
{
    int *calls = ctx;
    clock_sleep_ms(pause_ms);
    return ++*calls < 3;
}

static bool is_text(const Perftools__Profiles__Profile *message, int64_t place, const char *expected)
{
    const ProtobufCBinaryData *text = &message->string_table[place];
    return text->len == strlen(expected) && (text->len == 0 || memcmp(text->data, expected, text->len) == 0);
}

static bool has_function(const Perftools__Profiles__Profile *message, uint64_t location_id, const char *name)
{
    const Perftools__Profiles__Location *location = message->location[location_id - 1];
    assert_int_equal(location->id, location_id);
    return location->n_line > 0 && is_text(message, message->function[location->line[0]->function_id - 1]->name, name);
}

/* ThreadSanitizer runs a handler later than its signal came, when the stack is another one. */
static void check_caller(const Perftools__Profiles__Profile *message, const Perftools__Profiles__Sample *sample)
{
#ifndef __SANITIZE_THREAD__
    assert_true(sample->n_location_id >= 2 && has_function(message, sample->location_id[1], "burn"));
#else
    (void)message;
    (void)sample;
#endif
}

/* Samples of the thread that are in burn_some. */
static int64_t burning_samples(const Perftools__Profiles__Profile *message)
{
    int64_t count = 0;
    for (size_t i = 0; i < message->n_sample; i++) {
        const Perftools__Profiles__Sample *sample = message->sample[i];
        assert_int_equal(sample->n_value, PROFILE_VALUES);
        assert_int_equal(sample->value[1], sample->value[0] * PERIOD_NS);
        assert_true(sample->n_label == 1 && is_text(message, sample->label[0]->key, "thread"));
        if (is_text(message, sample->label[0]->str, "burner") &&
            has_function(message, sample->location_id[0], "burn_some")) {
            check_caller(message, sample);
            count += sample->value[0];
        }
    }
    return count;
}

static Perftools__Profiles__Profile *take(int seconds)
{
    struct profile profile;
    struct buffer packed;
    struct error error = {.message = ""};
    buffer_init(&packed);
    if (cpu_profile_take(seconds, pause_for, NULL, &profile, &error) != 0 ||
        profile_write(&profile, &packed, &error) != 0) {
        fail_msg("%s", error.message);
    }
    Perftools__Profiles__Profile *message =
        perftools__profiles__profile__unpack(NULL, packed.len, (const uint8_t *)packed.data);
    assert_non_null(message);
    buffer_done(&packed);
    profile_done(&profile);
    return message;
}

static void check_header(const Perftools__Profiles__Profile *message)
{
    assert_int_equal(message->n_sample_type, 2);
    assert_true(is_text(message, 0, ""));
    assert_true(is_text(message, message->sample_type[0]->type, "samples"));
    assert_true(is_text(message, message->sample_type[1]->type, "cpu"));
    assert_true(is_text(message, message->sample_type[1]->unit, "nanoseconds"));
    assert_int_equal(message->period, PERIOD_NS);
    assert_true(message->duration_nanos >= 1000000000);
    assert_true(message->n_mapping > 0 && message->mapping[0]->has_functions);
    const ProtobufCBinaryData *program = &message->string_table[message->mapping[0]->filename];
    assert_non_null(memmem(program->data, program->len, "test_cpu_profile", strlen("test_cpu_profile")));
}

/* Twice: a sampler can be started again. */
static void test_a_thread_that_works_is_seen_where_it_works(void **state)
{
    (void)state;
    pthread_t thread;
    struct error error;
    uint64_t result;
    assert_int_equal(thread_start(&thread, "burner", burn, &result, &error), 0);
    for (int i = 0; i < 2; i++) {
        Perftools__Profiles__Profile *message = take(1);
        check_header(message);
        assert_in_range(burning_samples(message), 5, 130); /* 100, where nobody else wants the processor */
        perftools__profiles__profile__free_unpacked(message, NULL);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

static void test_whoever_gives_up_is_not_waited_for(void **state)
{
    (void)state;
    struct profile profile;
    struct error error;
    int calls = 0;
    assert_int_equal(cpu_profile_take(300, give_up, &calls, &profile, &error), 0);
    assert_int_equal(calls, 3);
    profile_done(&profile);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_thread_that_works_is_seen_where_it_works),
        cmocka_unit_test(test_whoever_gives_up_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
