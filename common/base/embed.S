/* Puts the bytes of FILE into the program: `const unsigned char SYMBOL[]` (or char) and `const size_t SYMBOL_len`.
 * A NUL byte, not counted, follows them. The Makefile assembles it once for each embedded file. */
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

    .section .rodata
    .balign 16
    .global SYMBOL
    .type SYMBOL, @object
SYMBOL:
    .incbin FILE
1:
    .byte 0
    .size SYMBOL, . - SYMBOL

    .balign 8
    .global JOIN(SYMBOL, _len)
    .type JOIN(SYMBOL, _len), @object
JOIN(SYMBOL, _len):
    .quad 1b - SYMBOL
    .size JOIN(SYMBOL, _len), 8

    .section .note.GNU-stack, "", @progbits
