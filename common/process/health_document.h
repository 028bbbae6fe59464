/* What a program says of its health, as JSON:
 *
 *     {"status":"degraded","components":{"redis":{"status":"ok",...},"consul":{"status":"unavailable",...}}}
 *
 * Written from front to back: a component, its fields, at the end of those a list of entries with fields of their own,
 * the next component. Calls after a failed allocation do no harm: health_document_end tells. One thread at a time. */
#ifndef TALLY_COMMON_PROCESS_HEALTH_DOCUMENT_H
#define TALLY_COMMON_PROCESS_HEALTH_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buffer.h"

/* From best to worst. */
enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_UNAVAILABLE, HEALTH_DRAINING };

struct cJSON;

struct health_document {
    struct cJSON *components; /* NULL: none yet */
    struct cJSON *list;       /* where entries go */
    struct cJSON *at;         /* the component or entry whose fields are being added */
    bool is_incomplete;       /* memory ran out */
};

/* "ok", "degraded", "unavailable", "draining". */
const char *health_name(enum health health);

/* A document that has begun must be ended: health_document_end frees what it holds. */
void health_document_begin(struct health_document *document);
/* Begins a component, with its status as the first field: the next fields are the component's. Names are static. */
void health_document_add_component(struct health_document *document, const char *name, enum health status);
/* Begins a list, the last field of a component: from here on entries may be added. */
void health_document_add_list(struct health_document *document, const char *name);
/* Begins an entry of the list: the next fields are the entry's. */
void health_document_add_entry(struct health_document *document);

/* Values are NUL-terminated and copied. */
void health_document_add_text(struct health_document *document, const char *name, const char *value);
/* "" is null. */
void health_document_add_text_or_null(struct health_document *document, const char *name, const char *value);
/* The field "detail", which says what is wrong; "": nothing is, and no field is added. NULL: memory ran out while
 * detail was written. */
void health_document_add_detail(struct health_document *document, const char *detail);
/* RFC 3339; 0 is never: null. */
void health_document_add_time(struct health_document *document, const char *name, int64_t realtime_us);
void health_document_add_number(struct health_document *document, const char *name, double value);
void health_document_add_bool(struct health_document *document, const char *name, bool value);

/* Appends the document, whose "components" is left out if there is none; when out of memory out->failed is set instead.
 * Returns the HTTP status: 200, or 503 if no requests should be sent here. */
int health_document_end(struct health_document *document, enum health status, struct buffer *out);

#endif
