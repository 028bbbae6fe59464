/* What http_intake gives to libmicrohttpd of what came. More of it, request by request: tests/e2e/data/http11. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http/http_intake.h"

#define GET "GET /x HTTP/1.1\r\nHost: t\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: t\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

enum { GIVEN_SIZE = 64 * 1024 };

/* What libmicrohttpd is given of a piece; as many bytes as there is room for at a time. */
static size_t read_piece(struct http_intake *intake, const char *piece, size_t len, char *given)
{
    char *data = malloc(len + 1);
    assert_non_null(data);
    memcpy(data, piece, len);
    size_t count = http_intake_read(intake, data, len);
    assert_true(count <= len);
    memcpy(given, data, count);
    free(data);
    size_t more;
    while ((more = http_intake_take_pending(intake, given + count, 3)) > 0) {
        count += more;
    }
    return count;
}

/* Expects what is given, and the fault (NULL: none), wherever the text is split. */
static void expect(struct text text, struct text wanted, const char *fault)
{
    static char given[GIVEN_SIZE];
    for (size_t split = 0; split <= text.len; split++) {
        struct http_intake intake = {0};
        size_t count = read_piece(&intake, text.data, split, given);
        count += read_piece(&intake, text.data + split, text.len - split, given + count);
        assert_int_equal(count, wanted.len);
        assert_memory_equal(given, wanted.data, count);
        if (fault == NULL) {
            assert_null(intake.fault);
        } else {
            assert_non_null(strstr(http_intake_fault(&intake, intake.request), fault));
        }
    }
}

static void expect_kept(const char *text)
{
    expect(text_of(text), text_of(text), NULL);
}

static void expect_given(const char *text, const char *given)
{
    expect(text_of(text), text_of(given), NULL);
}

static void test_what_is_well_formed_passes_as_it_came(void **state)
{
    (void)state;
    expect_kept("");
    expect_kept(GET "\r\n");
    expect_kept(GET "\r\n" GET "\r\n" GET);
    expect_kept("GET / HTTP/1.0\r\n\r\n");
    expect_kept(POST "Content-Length: 5\r\n\r\nG\r\n\r\n" GET "\r\n");
    expect_kept(POST "Content-Length:00000\r\n\r\n" GET "\r\n");
    expect_kept(CHUNKED "5\r\nG\r\n\r\n\r\n0A\r\n0123456789\r\n0\r\n\r\n" GET "\r\n");
    expect_kept(GET "X-Any: \t \x80\xFF ~ \t\r\nX-None:\r\n\r\n");
}

static void test_what_means_nothing_is_left_out(void **state)
{
    (void)state;
    expect_given("\r\n\r\n" GET "\r\n\r\n" GET "\r\n", GET "\r\n" GET "\r\n");
    expect_given(POST "Content-Length: 2 \t \r\n\r\nab" GET, POST "Content-Length: 2\r\n\r\nab" GET);
    expect_given(POST "Transfer-Encoding: chunked \t\r\n\r\n0\r\n\r\n",
                 POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    expect_given(CHUNKED "2;a=\"b;\" c\r\nab\r\n0 \t;d\r\n\r\n" GET, CHUNKED "2\r\nab\r\n0\r\n\r\n" GET);
    expect_given(CHUNKED "0\r\nX-Sum: 1\r\nContent-Length: 7\r\n\r\n" GET, CHUNKED "0\r\n\r\n" GET);
}

/* text up to `fault_at` is given, then `end`. */
static void expect_end(const char *text, const char *end, const char *fault, size_t given_len)
{
    char wanted[512];
    snprintf(wanted, sizeof(wanted), "%.*s%s", (int)given_len, text, end);
    expect(text_of(text), text_of(wanted), fault);
}

/* All of head is given, then end; at the first byte of rest something is wrong. */
static void expect_fault(const char *head, const char *rest, const char *end, const char *fault)
{
    char text[512];
    snprintf(text, sizeof(text), "%s%s", head, rest);
    expect_end(text, end, fault, strlen(head));
}

static void test_a_fault_ends_the_request_where_it_stands(void **state)
{
    (void)state;
    expect_fault("", "\n", "GET / HTTP/1.1\r\n\r\n", "request line");
    expect_fault("GE", "\r\n", " / HTTP/1.1\r\n\r\n", "request line");
    expect_fault("GET ", " /", "/ HTTP/1.1\r\n\r\n", "request line");
    expect_fault("GET /x", "\r\n", " HTTP/1.1\r\n\r\n", "target");
    expect_fault("GET / HTT", "\r\n", "P/1.1\r\n\r\n", "request line");
    expect_fault("GET / HTTP/1.1", "\n", "\r\n\r\n", "request line");
    expect_fault("GET / HTTP/1.1\r", "x", "\n\r\n", "CR LF");
    expect_fault(GET, " folded", "\r\n", "folded");
    expect_fault(GET, ": x", "\r\n", "begin with its name");
    expect_fault(GET "X-A", " : b\r\n\r\n", "x:\r\n\r\n", "white space before its colon");
    expect_fault(GET "X-A", "\r\n\r\n", "x:\r\n\r\n", "token characters");
    expect_fault(GET "X-A: b", "\n\r\n", "0\r\n\r\n", "CR LF");
    expect_fault(GET "X-A: b", "\x7F\r\n\r\n", "0\r\n\r\n", "control characters");
    expect_fault(GET "X-A: b\r", "X-B: c\r\n\r\n", "\n\r\n", "control characters");
    expect_fault(GET "\r", "\r\n", "\n", "CR LF");
}

static void test_a_faulty_framing_is_found_where_it_begins(void **state)
{
    (void)state;
    expect_fault(POST "Content-Length: ", "x\r\n\r\n", "0\r\n\r\n", "decimal number");
    expect_fault(POST "Content-Length: 1", "x\r\n\r\n", "0\r\n\r\n", "decimal number");
    expect_fault(POST "Content-Length: ", "\r\n\r\n", "0\r\n\r\n", "decimal number");
    expect_fault(POST "Content-Length: 123456789012345678", "9\r\n\r\n", "0\r\n\r\n", "18 digits");
    expect_fault(POST "Content-Length: 1\r\nContent-Length", ": 1\r\n\r\n", "x:\r\n\r\n", "repeated");
    expect_fault(POST "Content-Length: 1\r\nTransfer-Encoding", ": chunked\r\n", "x:\r\n\r\n", "together");
    expect_fault(POST "Transfer-Encoding: chunked\r\ncontent-length", ": 1\r\n", "x:\r\n\r\n", "together");
    expect_fault(POST "Transfer-Encoding: chunk", "\r\n", "0\r\n\r\n", "exactly chunked");
    expect_fault(POST "Transfer-Encoding: chunked", ", x\r\n", "0\r\n\r\n", "exactly chunked");
    expect_fault("POST / HTTP/1.0\r\nTransfer-Encoding", ": chunked\r\n", "x:\r\n\r\n", "HTTP/1.0");
    expect(text_of(POST "Content-Length: 1 2\r\n\r\n"), text_of(POST "Content-Length: 10\r\n\r\n"), "one value");
}

static void test_a_faulty_chunk_is_found_where_it_begins(void **state)
{
    (void)state;
    expect_fault(CHUNKED, "x\r\n", "0\r\n\r\n", "size");
    expect_fault(CHUNKED "2", "\nab\r\n", "x\r\n", "size");
    expect_fault(CHUNKED "2\r", "x", "x\r\n", "size");
    expect_fault(CHUNKED "0\r", "x", "\n\r\n", "size");
    expect_fault(CHUNKED "123456789abcdef", "0\r\n", "x\r\n", "15 digits");
    expect_fault(CHUNKED "2\r\nab", "\n0\r\n\r\n", "\r\n0\r\n\r\n", "as many bytes");
    expect_fault(CHUNKED "2\r\nab\r", "x", "\n0\r\n\r\n", "as many bytes");
    expect_fault(CHUNKED "0\r\n\r", "x", "\n", "trailer");
    expect(text_of(CHUNKED "2;a\nb\r\n"), text_of(CHUNKED "2x\r\n"), "size");
    expect(text_of(CHUNKED "2 \r\n"), text_of(CHUNKED "2x\r\n"), "size");
    expect(text_of(CHUNKED "0\r\nX : b\r\n\r\n"), text_of(CHUNKED "0\r\n\r\n"), "trailer");
    expect(text_of(CHUNKED "0\r\nX: b\r\n c\r\n\r\n"), text_of(CHUNKED "0\r\n\r\n"), "trailer");
}

static void test_a_nul_is_a_fault_wherever_it_stands(void **state)
{
    (void)state;
    expect((struct text){"GE\0T", 4}, TEXT("GE / HTTP/1.1\r\n\r\n"), "request line");
    expect((struct text){"GET /\0 HTTP/1.1\r\n", 17}, TEXT("GET / HTTP/1.1\r\n\r\n"), "target");
    expect((struct text){GET "X-\0A: b", sizeof(GET "X-\0A: b") - 1}, TEXT(GET "X-x:\r\n\r\n"), "token characters");
    expect((struct text){GET "X: b\0\0\0\0\r\n\r\n", sizeof(GET "X: b\0\0\0\0\r\n\r\n") - 1}, TEXT(GET "X: b0\r\n\r\n"),
           "control characters");
}

static void test_a_fault_is_told_from_the_requests_before_it(void **state)
{
    char data[] = GET "\r\n" POST "Content-Length: 1\r\n\r\nx" GET "X : y\r\n\r\n" GET "\r\n";
    struct http_intake intake = {0};
    (void)state;
    http_intake_read(&intake, data, sizeof(data) - 1);
    assert_null(http_intake_fault(&intake, 1));
    assert_null(http_intake_fault(&intake, 2));
    assert_non_null(http_intake_fault(&intake, 3));
    assert_int_equal(intake.request, 3);
}

static void test_what_means_nothing_has_a_bound(void **state)
{
    struct http_intake intake = {0};
    char head[] = CHUNKED "2;";
    char more[1024];
    (void)state;
    http_intake_read(&intake, head, sizeof(head) - 1);
    for (int i = 0; i < 8; i++) {
        memset(more, 'a', sizeof(more));
        assert_int_equal(http_intake_read(&intake, more, sizeof(more) - 1), 0);
    }
    memset(more, 'a', sizeof(more));
    assert_int_equal(http_intake_read(&intake, more, sizeof(more)), 0);
    assert_int_equal(http_intake_take_pending(&intake, more, sizeof(more)), 3);
    assert_memory_equal(more, "x\r\n", 3);
    assert_non_null(strstr(intake.fault, "8 KiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_well_formed_passes_as_it_came),
        cmocka_unit_test(test_what_means_nothing_is_left_out),
        cmocka_unit_test(test_a_fault_ends_the_request_where_it_stands),
        cmocka_unit_test(test_a_faulty_framing_is_found_where_it_begins),
        cmocka_unit_test(test_a_faulty_chunk_is_found_where_it_begins),
        cmocka_unit_test(test_a_nul_is_a_fault_wherever_it_stands),
        cmocka_unit_test(test_a_fault_is_told_from_the_requests_before_it),
        cmocka_unit_test(test_what_means_nothing_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
