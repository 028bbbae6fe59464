/* The configuration file: whatever it says, it is loaded, or refused with a message that names the file; and what was
 * loaded prints as a file that loads. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_and_load_again(const struct config *config)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert(out != NULL);
    config_print(config, out);
    fclose(out);
    struct error error;
    struct config *again = config_load_text("printed", text, len, NULL, &error);
    assert(again != NULL);
    config_free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = {.message = ""};
    struct config *config = config_load_text("input", (const char *)data, size, NULL, &error);
    if (config == NULL) {
        assert(strncmp(error.message, "input: ", 7) == 0);
        return 0;
    }
    print_and_load_again(config);
    config_free(config);
    return 0;
}
