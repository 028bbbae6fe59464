#include "counter-service/reflection/reflection_answer.h"

#include <grpc/status.h>
#include <stdint.h>

#include "common/contract/grpc_message.h"
/* The messages of v1alpha are the same on the wire. */
#include "grpc/reflection/v1/reflection.pb-c.h"

/* A response and all it may point to. */
struct answer {
    Grpc__Reflection__V1__ServerReflectionResponse response;
    Grpc__Reflection__V1__ErrorResponse error;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    ProtobufCBinaryData file;
    Grpc__Reflection__V1__ListServiceResponse list;
    Grpc__Reflection__V1__ServiceResponse services[PROTO_SERVICES_MAX];
    Grpc__Reflection__V1__ServiceResponse *service_pointers[PROTO_SERVICES_MAX];
};

static void set_error(struct answer *answer, grpc_status_code code, const char *message)
{
    grpc__reflection__v1__error_response__init(&answer->error);
    answer->error.error_code = (int32_t)code;
    answer->error.error_message = (char *)(uintptr_t)message;
    answer->response.error_response = &answer->error;
    answer->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
}

static void set_file(struct answer *answer, struct text file)
{
    answer->file = grpc_message_bytes(file);
    grpc__reflection__v1__file_descriptor_response__init(&answer->files);
    answer->files.n_file_descriptor_proto = 1;
    answer->files.file_descriptor_proto = &answer->file;
    answer->response.file_descriptor_response = &answer->files;
    answer->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
}

static void set_services(struct answer *answer, const struct proto_index *index)
{
    grpc__reflection__v1__list_service_response__init(&answer->list);
    answer->list.n_service = proto_index_service_count(index);
    answer->list.service = answer->service_pointers;
    for (size_t i = 0; i < answer->list.n_service; i++) {
        grpc__reflection__v1__service_response__init(&answer->services[i]);
        answer->services[i].name = (char *)(uintptr_t)proto_index_service(index, i);
        answer->service_pointers[i] = &answer->services[i];
    }
    answer->response.list_services_response = &answer->list;
    answer->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
}

static void fill(struct answer *answer, const struct proto_index *index,
                 const Grpc__Reflection__V1__ServerReflectionRequest *request)
{
    struct text file;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        set_services(answer, index);
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        if (proto_index_find_file(index, text_of(request->file_by_filename), &file)) {
            set_file(answer, file);
        } else {
            set_error(answer, GRPC_STATUS_NOT_FOUND, "There is no such file");
        }
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        if (proto_index_find_symbol(index, text_of(request->file_containing_symbol), &file)) {
            set_file(answer, file);
        } else {
            set_error(answer, GRPC_STATUS_NOT_FOUND, "There is no such symbol");
        }
        return;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        set_error(answer, GRPC_STATUS_NOT_FOUND, "There are no extensions: the files are proto3");
        return;
    default:
        set_error(answer, GRPC_STATUS_INVALID_ARGUMENT, "The request asks for nothing that is known here");
        return;
    }
}

grpc_byte_buffer *reflection_answer(const struct proto_index *index, grpc_byte_buffer *request, struct arena *arena)
{
    Grpc__Reflection__V1__ServerReflectionRequest *unpacked =
        (Grpc__Reflection__V1__ServerReflectionRequest *)grpc_message_unpack(
            &grpc__reflection__v1__server_reflection_request__descriptor, request, arena);
    if (unpacked == NULL) {
        return NULL;
    }
    struct answer answer;
    grpc__reflection__v1__server_reflection_response__init(&answer.response);
    answer.response.valid_host = unpacked->host;
    answer.response.original_request = unpacked;
    fill(&answer, index, unpacked);
    return grpc_message_pack(&answer.response.base);
}
