#include "gateway/api/page_handlers.h"

#include "common/http/http_accept.h"
#include "gateway/api/gateway_health.h"
#include "gateway/http/reply.h"
#include "gateway/page/page_access.h"
#include "gateway/page/page_files.h"
#include "gateway/page/page_language.h"
#include "gateway/page/status_document.h"

/* Nothing but this page's own style and script, and requests to this gateway; in no frame
 * (https://www.w3.org/TR/CSP3/). */
#define CONTENT_SECURITY_POLICY \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

/* Where status_page_html has the language. */
#define LANGUAGE_MARK "{{language}}"

enum { HTTP_OK = 200 };

static const struct http_form forms[] = {{"text/html", ""}, {"application/json", ""}};

/* All values of a header field. *ret_memory holds them: to be freed. */
static struct text whole_field(const struct request_state *state, const char *name, struct buffer *ret_memory)
{
    buffer_init(ret_memory);
    http_request_whole_field(state->request, name, ret_memory);
    return (struct text){ret_memory->data, ret_memory->failed ? 0 : ret_memory->len};
}

static bool wants_json(const struct request_state *state)
{
    struct buffer memory;
    const struct text accept = whole_field(state, "Accept", &memory);
    const size_t form = http_accept_choose(accept, forms, sizeof(forms) / sizeof(forms[0]));
    buffer_done(&memory);
    return form == 1;
}

static const char *wanted_language(const struct request_state *state)
{
    struct buffer memory;
    const char *language = page_language_choose(whole_field(state, "Accept-Language", &memory));
    buffer_done(&memory);
    return language;
}

static void write_html(struct buffer *out, const char *language)
{
    const char *mark = strstr(status_page_html, LANGUAGE_MARK);
    const char *rest = mark + sizeof(LANGUAGE_MARK) - 1;
    buffer_append(out, status_page_html, (size_t)(mark - status_page_html));
    buffer_append_text(out, text_of(language));
    buffer_append(out, rest, (size_t)(status_page_html + status_page_html_len - rest));
}

static void answer_page(struct request_state *state)
{
    struct buffer *reply = &state->request->reply;
    reply_add_header(state, "Vary", "Accept, Accept-Language");
    if (wants_json(state)) {
        reply_json(state, gateway_health_write(state->loop->health, reply));
        return;
    }
    const char *language = wanted_language(state);
    write_html(reply, language);
    reply_add_header(state, "Content-Language", language);
    reply_add_header(state, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
    reply_add_header(state, "X-Content-Type-Options", "nosniff");
    reply_document(state, HTTP_OK, "text/html; charset=utf-8", false);
}

static void answer_style(struct request_state *state)
{
    buffer_append(&state->request->reply, status_page_css, status_page_css_len);
    reply_add_header(state, "X-Content-Type-Options", "nosniff");
    reply_document(state, HTTP_OK, "text/css; charset=utf-8", false);
}

static void answer_script(struct request_state *state)
{
    struct buffer *reply = &state->request->reply;
    buffer_append(reply, status_page_words, status_page_words_len);
    buffer_append(reply, status_page_draw, status_page_draw_len);
    buffer_append(reply, status_page_script, status_page_script_len);
    reply_add_header(state, "X-Content-Type-Options", "nosniff");
    reply_document(state, HTTP_OK, "text/javascript; charset=utf-8", false);
}

static void answer_data(struct request_state *state)
{
    const struct loop_context *loop = state->loop;
    struct buffer health;
    buffer_init(&health);
    (void)gateway_health_write(loop->health, &health);
    const struct status_source source = {
        .metrics = &loop->metrics,
        .pool = loop->pool,
        .config = loop->config,
        .started_us = loop->health->started_us,
        .health = {health.data, health.len},
    };
    status_document_write(&source, &state->request->reply);
    state->request->reply.failed |= health.failed;
    buffer_done(&health);
    reply_add_header(state, "X-Content-Type-Options", "nosniff");
    reply_json(state, HTTP_OK);
}

static const struct {
    const char *path;
    void (*answer)(struct request_state *state);
} pages[] = {
    {PAGE_PATH, answer_page},
    {PAGE_STYLE_PATH, answer_style},
    {PAGE_SCRIPT_PATH, answer_script},
    {PAGE_DATA_PATH, answer_data},
};

static void answer(struct request_state *state)
{
    size_t i = 0;
    while (strcmp(pages[i].path, state->match.route->pattern) != 0) {
        i++; /* each route of handle_page is there */
    }
    pages[i].answer(state);
}

void handle_page(struct request_state *state)
{
    switch (page_access_of(state->loop->status_page, state->request)) {
    case PAGE_ALLOWED:
        answer(state);
        break;
    case PAGE_OFF:
        reply_http_problem(state, PROBLEM_NOT_FOUND, "the status page is off: see server.status_page");
        break;
    case PAGE_FORBIDDEN:
        reply_http_problem(state, PROBLEM_FORBIDDEN,
                           "the status page is for callers at a loopback address, not for other web pages or a proxy: "
                           "see server.status_page");
        break;
    }
}
