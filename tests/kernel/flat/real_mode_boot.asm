; A boot sector that calls the flat 16-bit program, for docs/hexelf.md: what it returns goes to
; QEMU's debug console in hexadecimal, and QEMU ends.
bits 16
extern flat16_sum
section .boot exec
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov ax, 3
    call 0:flat16_sum
    mov cx, 4
.next:
    rol ax, 4
    mov bx, ax
    and bx, 15
    push ax
    mov al, [digits + bx]
    out 0xe9, al
    pop ax
    loop .next
    mov dx, 0x501
    out dx, al
    hlt
digits: db "0123456789abcdef"
section .note.GNU-stack
