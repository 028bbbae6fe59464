/* The files of the status page, as they stand beside this header, NUL-terminated. Built in by common/base/embed.S. */
#ifndef TALLY_GATEWAY_PAGE_PAGE_FILES_H
#define TALLY_GATEWAY_PAGE_PAGE_FILES_H

#include <stddef.h>

/* Lengths are without the NUL. */
extern const char status_page_html[];
extern const size_t status_page_html_len;
extern const char status_page_css[];
extern const size_t status_page_css_len;
extern const char status_page_words[]; /* first part of the script */
extern const size_t status_page_words_len;
extern const char status_page_draw[]; /* second part */
extern const size_t status_page_draw_len;
extern const char status_page_script[]; /* last part */
extern const size_t status_page_script_len;

#endif
