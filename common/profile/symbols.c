#include "common/profile/symbols.h"

#include <elfutils/libdwfl.h>
#include <unistd.h>

/* Debug information that stands in files of its own is not looked for: it may be far away. */
static int find_no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base, const char *file,
                             const char *link, GElf_Word checksum, char **ret_path)
{
    (void)module;
    (void)user;
    (void)name;
    (void)base;
    (void)file;
    (void)link;
    (void)checksum;
    (void)ret_path;
    return -1;
}

static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf, .find_debuginfo = find_no_debuginfo};

struct symbols *symbols_open(struct error *error)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);
    if (dwfl == NULL || dwfl_linux_proc_report(dwfl, getpid()) != 0 || dwfl_report_end(dwfl, NULL, NULL) != 0) {
        error_set(error, "libdw cannot read what is mapped: %s", dwfl_errmsg(-1));
        dwfl_end(dwfl);
        return NULL;
    }
    return (struct symbols *)dwfl;
}

void symbols_close(struct symbols *symbols)
{
    dwfl_end((Dwfl *)symbols);
}

struct symbol symbols_find(struct symbols *symbols, uint64_t address)
{
    struct symbol found = {.start = address};
    GElf_Off offset;
    GElf_Sym symbol;
    Dwfl_Module *module = dwfl_addrmodule((Dwfl *)symbols, address);
    if (module == NULL) {
        return found;
    }
    found.module = dwfl_module_info(module, NULL, &found.module_start, &found.module_end, NULL, NULL, NULL, NULL);
    found.name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL);
    if (found.name != NULL) {
        found.start = address - offset;
    }
    Dwfl_Line *line = dwfl_module_getsrc(module, address);
    if (line != NULL) {
        found.file = dwfl_lineinfo(line, NULL, &found.line, NULL, NULL, NULL);
    }
    return found;
}
