#include "common/process/health_document.h"

#include <cjson/cJSON.h>

#include "common/base/timestamp.h"

const char *health_name(enum health health)
{
    static const char *const names[] = {
        [HEALTH_OK] = "ok",
        [HEALTH_DEGRADED] = "degraded",
        [HEALTH_UNAVAILABLE] = "unavailable",
        [HEALTH_DRAINING] = "draining",
    };
    return names[health];
}

/* Notes an item that could not be made: NULL. cJSON's calls take that NULL and return NULL again. */
static cJSON *noted(struct health_document *document, cJSON *added)
{
    document->is_incomplete |= added == NULL;
    return added;
}

void health_document_begin(struct health_document *document)
{
    *document = (struct health_document){0};
}

void health_document_add_component(struct health_document *document, const char *name, enum health status)
{
    if (document->components == NULL) {
        document->components = noted(document, cJSON_CreateObject());
    }
    document->at = noted(document, cJSON_AddObjectToObject(document->components, name));
    health_document_add_text(document, "status", health_name(status));
}

void health_document_add_list(struct health_document *document, const char *name)
{
    document->list = noted(document, cJSON_AddArrayToObject(document->at, name));
}

void health_document_add_entry(struct health_document *document)
{
    cJSON *entry = cJSON_CreateObject();
    if (!cJSON_AddItemToArray(document->list, entry)) {
        cJSON_Delete(entry);
        entry = NULL;
    }
    document->at = noted(document, entry);
}

void health_document_add_text(struct health_document *document, const char *name, const char *value)
{
    noted(document, cJSON_AddStringToObject(document->at, name, value));
}

void health_document_add_text_or_null(struct health_document *document, const char *name, const char *value)
{
    if (value[0] != '\0') {
        health_document_add_text(document, name, value);
    } else {
        noted(document, cJSON_AddNullToObject(document->at, name));
    }
}

void health_document_add_detail(struct health_document *document, const char *detail)
{
    if (detail == NULL || detail[0] != '\0') {
        health_document_add_text(document, "detail", detail);
    }
}

void health_document_add_time(struct health_document *document, const char *name, int64_t realtime_us)
{
    char text[TIMESTAMP_SIZE] = "";
    if (realtime_us != 0) {
        timestamp_write(realtime_us, text);
    }
    health_document_add_text_or_null(document, name, text);
}

void health_document_add_number(struct health_document *document, const char *name, double value)
{
    noted(document, cJSON_AddNumberToObject(document->at, name, value));
}

void health_document_add_bool(struct health_document *document, const char *name, bool value)
{
    noted(document, cJSON_AddBoolToObject(document->at, name, value));
}

/* The document's root, with the components in it; they are freed if memory runs out. */
static cJSON *create_root(struct health_document *document, enum health status)
{
    cJSON *root = document->at = noted(document, cJSON_CreateObject());
    health_document_add_text(document, "status", health_name(status));
    if (document->components != NULL && !cJSON_AddItemToObject(root, "components", document->components)) {
        document->is_incomplete = true;
        cJSON_Delete(document->components);
    }
    document->components = NULL;
    return root;
}

int health_document_end(struct health_document *document, enum health status, struct buffer *out)
{
    cJSON *root = create_root(document, status);
    char *text = document->is_incomplete ? NULL : cJSON_PrintUnformatted(root);
    if (text != NULL) {
        buffer_append_text(out, text_of(text));
    } else {
        out->failed = true;
    }
    cJSON_free(text);
    cJSON_Delete(root);
    return status == HEALTH_OK || status == HEALTH_DEGRADED ? 200 : 503;
}
