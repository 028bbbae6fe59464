#include "common/process/options.h"

#include <getopt.h>

#include "common/process/health_probe.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum mode { MODE_RUN, MODE_CHECK, MODE_HEALTH, MODE_VERSION, MODE_HELP };

struct command {
    enum mode mode;
    const char *config_path; /* NULL: none given */
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},   {"check", no_argument, NULL, MODE_CHECK},
    {"health", no_argument, NULL, MODE_HEALTH}, {"version", no_argument, NULL, MODE_VERSION},
    {"help", no_argument, NULL, MODE_HELP},     {NULL, 0, NULL, 0},
};

/* Names what getopt_long refused as the user wrote it. A short option comes from optopt: it may stand among others
 * in one argument. */
static void print_refusal(const struct program *program, int option, char *const *argv, FILE *err)
{
    if (option == ':') {
        fprintf(err, "%s: %s needs a file (see --help)\n", program->name, argv[optind - 1]);
    } else if (optopt > ' ') {
        fprintf(err, "%s: -%c: no such option (see --help)\n", program->name, optopt);
    } else {
        fprintf(err, "%s: %s: no such option (see --help)\n", program->name, argv[optind - 1]);
    }
}

/* Returns 0, or -1 after a message. */
static int parse(const struct program *program, int argc, char *const *argv, FILE *err, struct command *ret_command)
{
    struct command command = {.mode = MODE_RUN};
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    int option;
    while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            print_refusal(program, option, argv, err);
            return -1;
        }
        if (option == 'c') {
            command.config_path = optarg;
        } else if (command.mode != MODE_RUN && command.mode != (enum mode)option) {
            fprintf(err, "%s: one of --check, --health, --version and --help at a time\n", program->name);
            return -1;
        } else {
            command.mode = (enum mode)option;
        }
    }
    if (optind < argc) {
        fprintf(err, "%s: %s: no arguments are expected (see --help)\n", program->name, argv[optind]);
        return -1;
    }
    *ret_command = command;
    return 0;
}

static int ask_health(const struct program *program, const struct config *config, FILE *err)
{
    struct error error;
    if (health_probe(program->health_host(config), program->health_port(config), program->health_path, &error) != 0) {
        fprintf(err, "%s: %s\n", program->name, error.message);
        return EXIT_FAILED;
    }
    return EXIT_FINE;
}

static int check(const struct program *program, const struct config *config, FILE *out, FILE *err)
{
    struct error error;
    config_print(config, out);
    if (program->check != NULL && program->check(config, &error) != 0) {
        fprintf(err, "%s: %s\n", program->name, error.message);
        return EXIT_FAILED;
    }
    return EXIT_FINE;
}

/* For the modes that end at once; a program that runs warns in its log (daemon.c). */
static void warn_of_links(const struct program *program, const struct config *config, FILE *err)
{
    if (config->passed_over_count > 0) {
        fprintf(err, "%s: warning: %zu variables of Kubernetes or Docker links are passed over, %s: %s\n",
                program->name, config->passed_over_count, OPTIONS_LINKS_ADVICE, config->passed_over);
    }
}

/* The modes that need a configuration. */
static int handle_with_config(const struct program *program, const struct command *command, FILE *out, FILE *err,
                              struct launch *ret_launch)
{
    struct error error;
    struct config *config = config_load(command->config_path, &error);
    if (config == NULL) {
        fprintf(err, "%s: %s\n", program->name, error.message);
        return EXIT_FAILED;
    }
    if (command->mode == MODE_RUN) {
        *ret_launch = (struct launch){.config = config, .config_path = command->config_path};
        return OPTIONS_RUN;
    }
    int code = EXIT_FINE;
    warn_of_links(program, config, err);
    if (command->mode == MODE_CHECK) {
        code = check(program, config, out, err);
    } else {
        code = ask_health(program, config, err);
    }
    config_free(config);
    return code;
}

int options_handle(const struct program *program, int argc, char *const *argv, FILE *out, FILE *err,
                   struct launch *ret_launch)
{
    struct command command;
    if (parse(program, argc, argv, err, &command) != 0) {
        return EXIT_USAGE;
    }
    switch (command.mode) {
    case MODE_VERSION:
        fprintf(out, "%s %s\n", program->name, program->version);
        return EXIT_FINE;
    case MODE_HELP:
        fputs(program->help, out);
        return EXIT_FINE;
    default:
        return handle_with_config(program, &command, out, err, ret_launch);
    }
}
