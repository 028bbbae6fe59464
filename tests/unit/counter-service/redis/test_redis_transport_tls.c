/* The transport that is TLS, against an OpenSSL server over a pair of sockets. */
#include "counter-service/redis/redis_transport_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "tests/fakes/tls_server.h"
#include "tests/fakes/wait_for.h"

enum { PATIENCE_MS = 20000, LARGE = 4 * 1024 * 1024 };

/* Of one test: the sockets, the server, and what the client trusts. */
struct setting {
    struct tls_identity *identity;
    struct tls_server server;
    struct redis_tls tls;
    struct redis_address address;
    int client_fd;
    int server_fd;
    sem_t go;        /* for the server */
    sem_t said;      /* by the server */
    size_t received; /* by the server */
    bool is_damaged; /* what it received is not what was written */
};

static int setup(void **state)
{
    struct setting *setting = calloc(1, sizeof(*setting));
    int pair[2];
    assert_non_null(setting);
    setting->identity = tls_identity_create();
    tls_identity_sign(setting->identity, "redis", "DNS:redis.test,DNS:*.wild.test,IP:10.0.0.1", false);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    setting->client_fd = pair[0];
    setting->server_fd = pair[1];
    assert_int_equal(fcntl(setting->client_fd, F_SETFL, O_NONBLOCK), 0); /* as redis_socket.h gives it */
    setting->server.certificate = tls_identity_path(setting->identity, "redis", "pem");
    setting->server.key = tls_identity_path(setting->identity, "redis", "key");
    setting->server.ctx = setting;
    setting->tls = (struct redis_tls){tls_identity_ca(setting->identity), "", "", ""};
    assert_int_equal(redis_address_of_tcp(TEXT("redis.test"), 6379, &setting->address), 0);
    sem_init(&setting->go, 0, 0);
    sem_init(&setting->said, 0, 0);
    *state = setting;
    return 0;
}

static int teardown(void **state)
{
    struct setting *setting = *state;
    tls_identity_free(setting->identity);
    sem_destroy(&setting->go);
    sem_destroy(&setting->said);
    free(setting);
    return 0;
}

static struct redis_transport *start_within(struct setting *setting, int timeout_ms, struct error *error)
{
    tls_server_start(&setting->server, setting->server_fd);
    return redis_transport_tls_start(setting->client_fd, &setting->address, &setting->tls, timeout_ms, error);
}

static struct redis_transport *start(struct setting *setting)
{
    struct error error = {.message = ""};
    struct redis_transport *transport = start_within(setting, PATIENCE_MS, &error);
    assert_string_equal(error.message, "");
    assert_non_null(transport);
    return transport;
}

static void assert_refused(struct setting *setting, const char *reason)
{
    struct error error = {.message = ""};
    assert_null(start_within(setting, PATIENCE_MS, &error));
    tls_server_join(&setting->server);
    if (strstr(error.message, reason) == NULL ||
        strncmp(error.message, "cannot connect to Redis at ", strlen("cannot connect to Redis at ")) != 0) {
        fail_msg("\"%s\" says nothing of \"%s\"", error.message, reason);
    }
}

static void wait_for(const struct redis_transport *transport, short events)
{
    struct pollfd poll_fd = {.fd = transport->fd, .events = events};
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
}

static ssize_t read_patiently(struct redis_transport *transport, char *out, size_t room)
{
    for (;;) {
        const ssize_t count = transport->read(transport, out, room);
        if (count >= 0 || errno != EAGAIN) {
            return count;
        }
        wait_for(transport, transport->read_events);
    }
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static void say_three_things(struct tls_server *server)
{
    char word[4];
    struct setting *setting = server->ctx;
    setting->is_damaged = !tls_server_read(server, word, 4) || memcmp(word, "ping", 4) != 0;
    tls_server_write(server, "one", 3);
    tls_server_write(server, "two", 3);
    tls_server_write(server, "three", 5);
    sem_post(&setting->said);
    sem_wait(&setting->go);
}

static void test_bytes_that_lie_inside_are_told(void **state)
{
    struct setting *setting = *state;
    char bytes[16];
    setting->server.play = say_three_things;
    struct redis_transport *transport = start(setting);
    assert_int_equal(transport->write(transport, "ping", 4), 4);
    assert_false(transport->holds_unsent);
    WAIT_FOR_SEM(&setting->said); /* all three are in the socket */
    assert_int_equal(read_patiently(transport, bytes, 3), 3);
    assert_memory_equal(bytes, "one", 3);
    assert_true(transport->holds_unread);
    assert_int_equal(transport->read(transport, bytes, sizeof(bytes)), 3);
    assert_true(transport->holds_unread);
    assert_int_equal(transport->read(transport, bytes, 2), 2);
    assert_true(transport->holds_unread); /* the rest of a record */
    assert_int_equal(transport->read(transport, bytes, sizeof(bytes)), 3);
    assert_memory_equal(bytes, "ree", 3);
    assert_int_equal(transport->read(transport, bytes, sizeof(bytes)), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(transport->holds_unread);
    sem_post(&setting->go);
    assert_int_equal(read_patiently(transport, bytes, sizeof(bytes)), 0); /* the end */
    transport->close(transport);
    tls_server_join(&setting->server);
    assert_false(setting->is_damaged);
}

static unsigned char byte_at(size_t at)
{
    return (unsigned char)(at * 7 + at / 251);
}

/* Reads nothing before it is told, and then all there is. */
static void swallow(struct tls_server *server)
{
    struct setting *setting = server->ctx;
    unsigned char bytes[5000];
    size_t count;
    sem_wait(&setting->go);
    while (SSL_read_ex(server->ssl, bytes, sizeof(bytes), &count) == 1) {
        for (size_t i = 0; i < count; i++) {
            setting->is_damaged |= bytes[i] != byte_at(setting->received + i);
        }
        setting->received += count;
    }
}

static unsigned char *make_large(void)
{
    unsigned char *large = malloc(LARGE);
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = byte_at(i);
    }
    return large;
}

/* Writes pieces of it, each copied elsewhere, until the socket is full. */
static size_t fill(struct redis_transport *transport, const unsigned char *large)
{
    size_t taken = 0;
    for (;;) {
        const size_t len = LARGE - taken < 30000 ? LARGE - taken : 30000;
        unsigned char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, large + taken, len);
        const ssize_t count = transport->write(transport, copy, len);
        const int failure = errno;
        free(copy);
        if (count < 0) {
            assert_int_equal(failure, EAGAIN);
            return taken;
        }
        taken += (size_t)count;
        assert_true(taken < LARGE);
    }
}

static void test_what_was_taken_arrives_and_nothing_else(void **state)
{
    struct setting *setting = *state;
    setting->server.play = swallow;
    struct redis_transport *transport = start(setting);
    unsigned char *large = make_large();
    size_t taken = fill(transport, large);
    assert_true(transport->holds_unsent);
    assert_int_equal(transport->write_events, POLLOUT);
    sem_post(&setting->go);
    while (transport->holds_unsent) {
        wait_for(transport, transport->write_events);
        const ssize_t count = transport->write(transport, NULL, 0);
        assert_true(count == 0 || errno == EAGAIN);
    }
    transport->close(transport);
    tls_server_join(&setting->server);
    assert_false(setting->is_damaged);
    assert_int_equal(setting->received, taken);
    free(large);
}

static void test_no_more_than_was_taken_arrives_when_the_connection_is_given_up(void **state)
{
    struct setting *setting = *state;
    setting->server.play = swallow;
    struct redis_transport *transport = start(setting);
    unsigned char *large = make_large();
    const size_t taken = fill(transport, large);
    transport->close(transport);
    sem_post(&setting->go);
    tls_server_join(&setting->server);
    assert_false(setting->is_damaged);
    assert_true(setting->received <= taken && setting->received + 16384 >= taken);
    free(large);
}

static void test_a_write_to_a_server_that_is_gone_fails_without_a_signal(void **state)
{
    struct setting *setting = *state;
    struct redis_transport *transport = start(setting);
    tls_server_join(&setting->server);
    ssize_t count;
    signal(SIGPIPE, SIG_DFL);
    do {
        count = transport->write(transport, "ping", 4);
    } while (count > 0);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(transport->reason, "Broken pipe");
    assert_int_equal(transport->write(transport, "ping", 4), -1);
    assert_int_equal(errno, EPROTO);
    transport->close(transport);
}

/* ---- keys that change, while nobody reads and while a write waits ------------------------------------------------ */

static void change_keys(struct tls_server *server)
{
    char bytes[4];
    struct setting *setting = server->ctx;
    setting->is_damaged = SSL_key_update(server->ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
                          SSL_do_handshake(server->ssl) != 1 || !tls_server_write(server, "new", 3) ||
                          !tls_server_read(server, bytes, 4) || memcmp(bytes, "ping", 4) != 0;
    sem_wait(&setting->go);
}

static void test_new_keys_are_no_bytes(void **state)
{
    struct setting *setting = *state;
    char bytes[16];
    setting->server.play = change_keys;
    struct redis_transport *transport = start(setting);
    assert_int_equal(read_patiently(transport, bytes, sizeof(bytes)), 3);
    assert_int_equal(transport->write(transport, "ping", 4), 4);
    assert_int_equal(transport->read(transport, bytes, sizeof(bytes)), -1);
    assert_int_equal(errno, EAGAIN);
    sem_post(&setting->go);
    assert_int_equal(read_patiently(transport, bytes, sizeof(bytes)), 0);
    transport->close(transport);
    tls_server_join(&setting->server);
    assert_false(setting->is_damaged);
}

/* ---- whom it trusts ---------------------------------------------------------------------------------------------- */

static void assert_trusted(struct setting *setting)
{
    struct redis_transport *transport = start(setting);
    transport->close(transport);
    tls_server_join(&setting->server);
}

static void test_a_name_with_a_wildcard_is_one(void **state)
{
    struct setting *setting = *state;
    assert_int_equal(redis_address_of_tcp(TEXT("a.wild.test"), 6379, &setting->address), 0);
    assert_trusted(setting);
}

static void test_an_ip_address_is_checked_as_one(void **state)
{
    struct setting *setting = *state;
    assert_int_equal(redis_address_of_tcp(TEXT("10.0.0.1"), 6379, &setting->address), 0);
    assert_trusted(setting);
}

static void test_the_name_of_configuration_goes_before_the_address(void **state)
{
    struct setting *setting = *state;
    assert_int_equal(redis_address_of_tcp(TEXT("10.0.0.2"), 6379, &setting->address), 0);
    setting->tls.server_name = "redis.test";
    assert_trusted(setting);
}

static void test_another_name_is_refused(void **state)
{
    struct setting *setting = *state;
    setting->tls.server_name = "other.test";
    assert_refused(setting, "its certificate is for another name than other.test");
}

static void test_another_ip_address_is_refused(void **state)
{
    struct setting *setting = *state;
    assert_int_equal(redis_address_of_tcp(TEXT("10.0.0.2"), 6379, &setting->address), 0);
    assert_refused(setting, "its certificate is for another name than 10.0.0.2");
}

static void test_another_authority_is_refused(void **state)
{
    struct setting *setting = *state;
    struct tls_identity *other = tls_identity_create();
    setting->tls.ca = tls_identity_ca(other);
    assert_refused(setting, "its certificate is signed by none of the authorities in redis.tls_ca");
    tls_identity_free(other);
}

static void test_the_system_does_not_know_the_authority(void **state)
{
    struct setting *setting = *state;
    setting->tls.ca = "";
    assert_refused(setting, "signed by none of the system's authorities, and redis.tls_ca names no other");
}

static void test_an_expired_certificate_is_refused(void **state)
{
    struct setting *setting = *state;
    tls_identity_sign(setting->identity, "redis", "DNS:redis.test", true);
    assert_refused(setting, "has expired");
}

static void test_what_is_older_than_tls_1_2_is_refused(void **state)
{
    struct setting *setting = *state;
    setting->server.max_version = TLS1_1_VERSION;
    assert_refused(setting, "TLS failed: ");
}

/* ---- the client's own certificate -------------------------------------------------------------------------------- */

static void test_a_certificate_is_shown(void **state)
{
    struct setting *setting = *state;
    setting->server.client_ca = tls_identity_ca(setting->identity);
    tls_identity_sign(setting->identity, "tally", "DNS:tally.test", false);
    setting->tls.cert = tls_identity_path(setting->identity, "tally", "pem");
    setting->tls.key = tls_identity_path(setting->identity, "tally", "key");
    setting->server.play = say_three_things;
    struct redis_transport *transport = start(setting);
    char bytes[16];
    sem_post(&setting->go);
    assert_int_equal(transport->write(transport, "ping", 4), 4);
    assert_int_equal(read_patiently(transport, bytes, 3), 3);
    transport->close(transport);
    tls_server_join(&setting->server);
}

static const char asked[] = "it asks for a client's certificate, and redis.tls_cert is not set";

static void test_a_missing_certificate_is_told_by_tls_1_2(void **state)
{
    struct setting *setting = *state;
    setting->server.client_ca = tls_identity_ca(setting->identity);
    setting->server.max_version = TLS1_2_VERSION;
    assert_refused(setting, asked);
}

/* TLS 1.3: the client is done before the server has looked. */
static void test_a_missing_certificate_is_told_by_tls_1_3(void **state)
{
    struct setting *setting = *state;
    char bytes[16];
    setting->server.client_ca = tls_identity_ca(setting->identity);
    struct redis_transport *transport = start(setting);
    assert_int_equal(read_patiently(transport, bytes, sizeof(bytes)), -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(transport->reason, asked);
    transport->close(transport);
    tls_server_join(&setting->server);
}

static void assert_no_start(struct setting *setting, const char *reason)
{
    struct error error = {.message = ""};
    assert_null(redis_transport_tls_start(setting->client_fd, &setting->address, &setting->tls, 100, &error));
    if (strstr(error.message, reason) == NULL) {
        fail_msg("\"%s\" says nothing of \"%s\"", error.message, reason);
    }
    close(setting->server_fd);
}

static void test_files_that_cannot_be_used_are_named(void **state)
{
    struct setting *setting = *state;
    setting->tls.ca = "/nowhere.pem";
    assert_no_start(setting, "cannot use redis.tls_ca /nowhere.pem: No such file or directory");
}

static void test_a_key_of_another_certificate_is_named(void **state)
{
    struct setting *setting = *state;
    tls_identity_sign(setting->identity, "tally", "DNS:tally.test", false);
    setting->tls.cert = tls_identity_path(setting->identity, "tally", "pem");
    setting->tls.key = tls_identity_path(setting->identity, "redis", "key");
    assert_no_start(setting, "cannot use redis.tls_key ");
}

/* ---- no TLS at all ----------------------------------------------------------------------------------------------- */

static void test_a_server_that_says_something_else_is_told(void **state)
{
    struct setting *setting = *state;
    const char text[] = "-ERR unknown command\r\n";
    assert_int_equal(write(setting->server_fd, text, strlen(text)), strlen(text));
    assert_no_start(setting, "that port does not speak TLS");
}

static void test_a_server_that_says_nothing_is_not_waited_for(void **state)
{
    struct setting *setting = *state;
    const int64_t start_us = clock_monotonic_us();
    assert_no_start(setting, "it does not answer TLS");
    assert_in_range(clock_monotonic_us() - start_us, 100000, 20000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_that_lie_inside_are_told),
        TEST(test_what_was_taken_arrives_and_nothing_else),
        TEST(test_no_more_than_was_taken_arrives_when_the_connection_is_given_up),
        TEST(test_a_write_to_a_server_that_is_gone_fails_without_a_signal),
        TEST(test_new_keys_are_no_bytes),
        TEST(test_a_name_with_a_wildcard_is_one),
        TEST(test_an_ip_address_is_checked_as_one),
        TEST(test_the_name_of_configuration_goes_before_the_address),
        TEST(test_another_name_is_refused),
        TEST(test_another_ip_address_is_refused),
        TEST(test_another_authority_is_refused),
        TEST(test_the_system_does_not_know_the_authority),
        TEST(test_an_expired_certificate_is_refused),
        TEST(test_what_is_older_than_tls_1_2_is_refused),
        TEST(test_a_certificate_is_shown),
        TEST(test_a_missing_certificate_is_told_by_tls_1_2),
        TEST(test_a_missing_certificate_is_told_by_tls_1_3),
        TEST(test_files_that_cannot_be_used_are_named),
        TEST(test_a_key_of_another_certificate_is_named),
        TEST(test_a_server_that_says_something_else_is_told),
        TEST(test_a_server_that_says_nothing_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
