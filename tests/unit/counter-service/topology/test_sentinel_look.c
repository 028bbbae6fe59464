/* What several sentinels say is one master, or a sentence that says why it is none. */
#include "counter-service/topology/sentinel_look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fakes/fake_sentinel.h"

enum { SENTINELS = 3 };

struct setting {
    struct fake_sentinel *sentinels[SENTINELS];
    char *addrs[SENTINELS];
    struct config config;
    struct sentinel_look look;
};

static int setup(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    struct error error;
    assert_non_null(setting);
    for (int i = 0; i < SENTINELS; i++) {
        setting->sentinels[i] = fake_sentinel_start();
        setting->addrs[i] = strdup(fake_sentinel_address(setting->sentinels[i]));
        assert_non_null(setting->addrs[i]);
    }
    setting->config.redis.sentinel_master = strdup("tally");
    setting->config.redis.sentinel_addrs = setting->addrs;
    setting->config.redis.sentinel_addr_count = SENTINELS;
    setting->config.redis.sentinel_username = strdup("");
    setting->config.redis.sentinel_password = strdup("");
    setting->config.redis.timeout_ms = 10000;
    setting->config.redis.connect_timeout_ms = 10000;
    assert_int_equal(sentinel_look_init(&setting->look, &setting->config, &error), 0);
    *state = setting;
    return 0;
}

static int teardown(void **state)
{
    struct setting *setting = *state;
    sentinel_look_done(&setting->look);
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_end(setting->sentinels[i]);
        free(setting->addrs[i]);
    }
    free(setting->config.redis.sentinel_master);
    free(setting->config.redis.sentinel_username);
    free(setting->config.redis.sentinel_password);
    free(setting);
    return 0;
}

static void name(struct setting *setting, int index, const char *address, const char *epoch)
{
    fake_sentinel_name(setting->sentinels[index], "tally", address, epoch);
}

static void name_all(struct setting *setting, const char *address, const char *epoch)
{
    for (int i = 0; i < SENTINELS; i++) {
        name(setting, i, address, epoch);
    }
}

static void assert_finds(struct setting *setting, const char *address)
{
    struct redis_address master;
    struct error error = {.message = ""};
    const int result = sentinel_look(&setting->look, &master, &error);
    if (result != 0) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(redis_address_write(&master).text, address);
}

static void assert_fails(struct setting *setting, const char *piece)
{
    struct redis_address master;
    struct error error = {.message = ""};
    assert_int_equal(sentinel_look(&setting->look, &master, &error), -1);
    if (strstr(error.message, piece) == NULL) {
        fail_msg("\"%s\" says nothing of \"%s\"", error.message, piece);
    }
}

static void test_what_all_name_is_the_master(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.1:6379", "0");
    assert_finds(setting, "10.0.0.1:6379");
    name_all(setting, "redis-2.example:6380", "1");
    assert_finds(setting, "redis-2.example:6380");
    name_all(setting, "::1:6381", "2");
    assert_finds(setting, "[::1]:6381");
}

static void test_the_highest_epoch_wins_whoever_knows_it(void **state)
{
    struct setting *setting = *state;
    char epoch[8];
    for (int round = 1; round < 10; round++) {
        name_all(setting, "10.0.0.1:1", "0");
        snprintf(epoch, sizeof(epoch), "%d", round + 8); /* 9 and 10 are numbers, not texts */
        name(setting, round % SENTINELS, "10.0.0.2:2", epoch);
        assert_finds(setting, "10.0.0.2:2");
    }
}

static void test_one_that_was_cut_off_does_not_send_back(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.2:2", "5");
    name(setting, 0, "10.0.0.1:1", "4");
    assert_finds(setting, "10.0.0.2:2");
    fake_sentinel_stop(setting->sentinels[1]);
    fake_sentinel_stop(setting->sentinels[2]);
    for (int i = 0; i < 50; i++) {
        assert_fails(setting, "their epoch is 4, that of others was 5");
    }
    fake_sentinel_go_on(setting->sentinels[1]);
    setting->look.sentinels[1].rests_until_us = 0; /* as if it had rested */
    setting->look.sentinels[2].rests_until_us = 0;
    assert_finds(setting, "10.0.0.2:2");
}

static void test_sentinels_that_were_set_up_anew_are_believed_at_last(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.2:2", "5");
    assert_finds(setting, "10.0.0.2:2");
    name_all(setting, "10.0.0.3:3", "1");
    for (int i = 0; i < 50; i++) {
        assert_fails(setting, "their epoch is 1, that of others was 5");
    }
    setting->look.older_since_us -= 10 * 1000 * 1000; /* as if they had gone on so long */
    assert_finds(setting, "10.0.0.3:3");
    assert_int_equal(setting->look.older_since_us, 0);
}

static void test_dead_ones_are_left_alone_while_another_answers(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.1:1", "0");
    fake_sentinel_stop(setting->sentinels[0]);
    assert_finds(setting, "10.0.0.1:1");
    fake_sentinel_go_on(setting->sentinels[0]);
    assert_finds(setting, "10.0.0.1:1");
    assert_int_equal(fake_sentinel_asked(setting->sentinels[0]), 0);
    assert_int_equal(fake_sentinel_asked(setting->sentinels[1]), 2);
    assert_int_equal(fake_sentinel_asked(setting->sentinels[2]), 2);
    fake_sentinel_stop(setting->sentinels[1]);
    fake_sentinel_stop(setting->sentinels[2]);
    assert_finds(setting, "10.0.0.1:1");
    assert_int_equal(fake_sentinel_asked(setting->sentinels[0]), 1);
}

static void test_one_that_came_back_is_asked_on_a_new_connection(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.1:1", "0");
    assert_finds(setting, "10.0.0.1:1");
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_stop(setting->sentinels[i]);
        fake_sentinel_go_on(setting->sentinels[i]);
    }
    assert_finds(setting, "10.0.0.1:1");
    assert_int_equal(fake_sentinel_asked(setting->sentinels[2]), 2);
}

static void test_none_that_answers_is_told(void **state)
{
    struct setting *setting = *state;
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_stop(setting->sentinels[i]);
    }
    assert_fails(setting, "the sentinel 127.0.0.1:");
    assert_fails(setting, "refused");
}

static void test_a_name_that_they_do_not_know_is_told_whoever_is_dead(void **state)
{
    struct setting *setting = *state;
    for (int dead = 0; dead < SENTINELS; dead++) {
        fake_sentinel_stop(setting->sentinels[dead]);
        assert_fails(setting, "it knows no master tally (redis.sentinel_master)");
        fake_sentinel_go_on(setting->sentinels[dead]);
    }
}

static void test_one_that_does_not_know_the_name_leaves_it_to_the_others(void **state)
{
    struct setting *setting = *state;
    name(setting, 2, "10.0.0.1:1", "0");
    assert_finds(setting, "10.0.0.1:1");
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = strdup(with);
}

static void test_a_password_is_shown(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.1:1", "0");
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_demand(setting->sentinels[i], "secret");
    }
    assert_fails(setting, "NOAUTH");
    replace(&setting->config.redis.sentinel_password, "wrong");
    assert_fails(setting, "AUTH: WRONGPASS");
    replace(&setting->config.redis.sentinel_password, "secret");
    assert_finds(setting, "10.0.0.1:1");
    assert_finds(setting, "10.0.0.1:1"); /* once a connection */
}

static void test_a_user_is_named(void **state)
{
    struct setting *setting = *state;
    name_all(setting, "10.0.0.1:1", "0");
    for (int i = 0; i < SENTINELS; i++) {
        fake_sentinel_demand(setting->sentinels[i], "tally secret");
    }
    replace(&setting->config.redis.sentinel_username, "tally");
    replace(&setting->config.redis.sentinel_password, "secret");
    assert_finds(setting, "10.0.0.1:1");
}

static void test_answers_that_are_none_are_refused(void **state)
{
    struct setting *setting = *state;
    static const char *const addresses[] = {"10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x", "10.0.0.1:", ":1", "a b:1"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        name_all(setting, addresses[i], "0");
        assert_fails(setting, "the address that it names is none");
    }
    name_all(setting, "10.0.0.1:1", "");
    assert_fails(setting, "no config-epoch");
    name_all(setting, "10.0.0.1:1", "-1");
    assert_fails(setting, "no config-epoch");
}

static void test_without_sentinels_there_is_nobody_to_ask(void **state)
{
    (void)state;
    struct config config = {.redis = {.sentinel_addr_count = 0}};
    struct sentinel_look look;
    struct error error;
    assert_int_equal(sentinel_look_init(&look, &config, &error), 0);
    assert_int_equal(look.count, 0);
    sentinel_look_done(&look);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_all_name_is_the_master),
        TEST(test_the_highest_epoch_wins_whoever_knows_it),
        TEST(test_one_that_was_cut_off_does_not_send_back),
        TEST(test_sentinels_that_were_set_up_anew_are_believed_at_last),
        TEST(test_dead_ones_are_left_alone_while_another_answers),
        TEST(test_one_that_came_back_is_asked_on_a_new_connection),
        TEST(test_none_that_answers_is_told),
        TEST(test_a_name_that_they_do_not_know_is_told_whoever_is_dead),
        TEST(test_one_that_does_not_know_the_name_leaves_it_to_the_others),
        TEST(test_a_password_is_shown),
        TEST(test_a_user_is_named),
        TEST(test_answers_that_are_none_are_refused),
        cmocka_unit_test(test_without_sentinels_there_is_nobody_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
