/* The connection to Redis, against a server that plays what it is told. */
#include "counter-service/redis/redis_conn.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/loopback.h"
#include "tests/fakes/wait_for.h"

enum { PATIENCE_MS = 20000 };

/* Accepts one connection, sends `answer`, a piece of `step` bytes each `pause_us`, and then reads `read_len` bytes. The
 * connection is closed when may_close is posted, or if it `closes`, at once. */
struct player {
    struct text answer;
    size_t step;
    useconds_t pause_us;
    bool closes;
    size_t read_len;
    int listener;
    int port;
    sem_t may_close;
    pthread_t thread;
};

static void *play(void *arg)
{
    struct player *player = arg;
    char ignored[65536];
    int fd = accept(player->listener, NULL, NULL);
    for (size_t sent = 0; sent < player->answer.len;) {
        size_t left = player->answer.len - sent;
        ssize_t count = send(fd, player->answer.data + sent, left < player->step ? left : player->step, MSG_NOSIGNAL);
        if (count <= 0) {
            break;
        }
        sent += (size_t)count;
        usleep(player->pause_us);
    }
    for (size_t left = player->read_len; left > 0;) {
        ssize_t count = read(fd, ignored, sizeof(ignored));
        if (count <= 0) {
            break;
        }
        left -= (size_t)count;
    }
    if (!player->closes) {
        shutdown(fd, SHUT_RD);
        sem_wait(&player->may_close);
    }
    close(fd);
    return NULL;
}

static struct redis_conn *connect_to(struct player *player)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    player->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(player->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(player->listener, 1), 0);
    assert_int_equal(getsockname(player->listener, (struct sockaddr *)&address, &len), 0);
    player->port = ntohs(address.sin_port);
    player->step = player->step > 0 ? player->step : SIZE_MAX;
    sem_init(&player->may_close, 0, 0);
    assert_int_equal(pthread_create(&player->thread, NULL, play, player), 0);
    struct error error = {.message = ""};
    struct redis_conn *conn = loopback_conn(player->port, PATIENCE_MS, &error);
    assert_string_equal(error.message, "");
    assert_non_null(conn);
    return conn;
}

static void finish(struct player *player, struct redis_conn *conn)
{
    redis_conn_close(conn);
    sem_post(&player->may_close);
    pthread_join(player->thread, NULL);
    sem_destroy(&player->may_close);
    close(player->listener);
}

static void test_replies_of_every_type_are_read(void **state)
{
    (void)state;
    struct player player = {.answer =
                                TEXT("+OK\r\n:-7\r\n$3\r\na\0b\r\n$-1\r\n-ERR no\r\n*2\r\n$1\r\nx\r\n:5\r\n*0\r\n"),
                            .step = 3,
                            .pause_us = 100};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, TEXT("x"), PATIENCE_MS);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_TEXT && text_equal(reply.text, TEXT("OK")));
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_INTEGER && reply.integer == -7);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_TEXT && text_equal(reply.text, TEXT("a\0b")));
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_NIL && reply.text.len == 0);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_ERROR && text_equal(reply.text, TEXT("ERR no")));
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_ARRAY && reply.element_count == 2);
    assert_true(text_equal(redis_reply_element(&reply, 0).text, TEXT("x")));
    assert_int_equal(redis_reply_element(&reply, 1).integer, 5);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(reply.type == REDIS_ARRAY && reply.element_count == 0);
    assert_string_equal(redis_conn_error(conn), "");
    finish(&player, conn);
}

static void test_dripping_bytes_do_not_stretch_the_deadline(void **state)
{
    (void)state;
    static char drips[2000]; /* 40 s of them */
    memset(drips, 'x', sizeof(drips));
    memcpy(drips, "$9000\r\n", 7);
    struct player player = {.answer = {drips, sizeof(drips)}, .step = 1, .pause_us = 20000};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    const int64_t start_us = clock_monotonic_us();
    redis_conn_begin(conn, TEXT("x"), 200);
    assert_int_equal(redis_conn_next(conn, &reply), -1);
    assert_in_range(clock_monotonic_us() - start_us, 200000, WAIT_FOR_MAX_US);
    assert_string_equal(redis_conn_error(conn), "no reply from Redis within 200 ms");
    finish(&player, conn);
}

static void test_what_did_not_fit_the_socket_was_not_sent(void **state)
{
    (void)state;
    const size_t len = 64 * 1024 * 1024;
    char *requests = calloc(1, len);
    assert_non_null(requests);
    struct player player = {.answer = TEXT("+first\r\n")};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, (struct text){requests, len}, 2000);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_int_equal(redis_conn_next(conn, &reply), -1);
    assert_in_range(redis_conn_sent(conn), 1, len - 1);
    finish(&player, conn);
    free(requests);
}

static void test_large_requests_are_written_while_replies_come(void **state)
{
    (void)state;
    const size_t len = 16 * 1024 * 1024;
    char *requests = calloc(1, len);
    assert_non_null(requests);
    struct player player = {.answer = TEXT("+first\r\n"), .read_len = len, .closes = true};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, (struct text){requests, len}, PATIENCE_MS);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_int_equal(redis_conn_next(conn, &reply), -1);
    assert_int_equal(redis_conn_sent(conn), len);
    finish(&player, conn);
    free(requests);
}

static void test_a_closed_connection_is_told(void **state)
{
    (void)state;
    struct player player = {.answer = TEXT("+OK\r\n"), .closes = true};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, TEXT(""), PATIENCE_MS);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_int_equal(redis_conn_next(conn, &reply), -1);
    assert_non_null(strstr(redis_conn_error(conn), "Server closed the connection"));
    finish(&player, conn);
}

static void test_a_protocol_error_is_told(void **state)
{
    (void)state;
    struct player player = {.answer = TEXT("HTTP/1.1 400 Bad Request\r\n"), .closes = true};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, TEXT("x"), PATIENCE_MS);
    assert_int_equal(redis_conn_next(conn, &reply), -1);
    assert_non_null(strstr(redis_conn_error(conn), "cannot understand Redis"));
    finish(&player, conn);
}

static void test_an_idle_connection_is_known_to_be_dead_before_it_is_used(void **state)
{
    (void)state;
    struct player player = {.answer = TEXT("+OK\r\n")};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, TEXT(""), PATIENCE_MS);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_true(redis_conn_is_idle(conn));
    sem_post(&player.may_close);
    WAIT_FOR(!redis_conn_is_idle(conn));
    assert_string_equal(redis_conn_error(conn), "Redis closed the connection");
    finish(&player, conn);
}

static void test_a_reply_to_nothing_makes_a_connection_useless(void **state)
{
    (void)state;
    struct player player = {.answer = TEXT("+OK\r\n+OK\r\n"), .pause_us = 100000};
    struct redis_conn *conn = connect_to(&player);
    struct redis_reply reply;
    redis_conn_begin(conn, TEXT(""), PATIENCE_MS);
    assert_int_equal(redis_conn_next(conn, &reply), 0);
    assert_false(redis_conn_is_idle(conn));
    finish(&player, conn);
}

static void test_a_refused_connection_names_the_address(void **state)
{
    (void)state;
    struct error error;
    assert_null(loopback_conn(1, 1000, &error));
    assert_string_equal(error.message, "cannot connect to Redis at 127.0.0.1:1: Connection refused");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_of_every_type_are_read),
        cmocka_unit_test(test_dripping_bytes_do_not_stretch_the_deadline),
        cmocka_unit_test(test_what_did_not_fit_the_socket_was_not_sent),
        cmocka_unit_test(test_large_requests_are_written_while_replies_come),
        cmocka_unit_test(test_a_closed_connection_is_told),
        cmocka_unit_test(test_a_protocol_error_is_told),
        cmocka_unit_test(test_an_idle_connection_is_known_to_be_dead_before_it_is_used),
        cmocka_unit_test(test_a_reply_to_nothing_makes_a_connection_useless),
        cmocka_unit_test(test_a_refused_connection_names_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
