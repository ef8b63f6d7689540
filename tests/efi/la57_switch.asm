; Turns CR4.LA57 on (SDM Vol. 3A, 4.1.2: not while paging is on, and paging cannot be turned off in
; 64-bit mode). Copied by la57.c to a page of its own below 4 GiB and called there:
;
;   rdi  physical address of the PML5       rsi  that page
;
; What must be found again lies in the page, since 32-bit code loses the registers' upper halves.

bits 64

section .text

%define AT(label) rbx + (label - la57_switch)
%define AT32(label) ebx + (label - la57_switch)

global la57_switch:function (la57_switch_end - la57_switch)
global la57_switch_end
        align   16
la57_switch:
        pushfq
        push    rbx
        cli
        mov     rbx, rsi
        mov     [AT(old_rsp)], rsp
        mov     [AT(old_cs)], cs
        mov     [AT(old_ss)], ss
        sgdt    [AT(old_gdt)]
        lea     rax, [AT(gdt)]
        mov     [AT(own_gdt) + 2], rax
        lgdt    [AT(own_gdt)]
        lea     rsp, [rbx + 4096]
        push    gdt.code_32 - gdt
        lea     rax, [AT(without_paging)]
        push    rax
        retfq

bits 32
without_paging:
        mov     ax, gdt.data - gdt
        mov     ss, ax
        mov     eax, cr0
        btr     eax, 31                 ; PG
        mov     cr0, eax
        mov     eax, cr4
        bts     eax, 12                 ; LA57
        mov     cr4, eax
        mov     cr3, edi
        mov     eax, cr0
        bts     eax, 31
        mov     cr0, eax                ; EFER.LME is still set: 64-bit mode again
        push    gdt.code_64 - gdt
        lea     eax, [AT32(with_paging)]
        push    eax
        retf

bits 64
with_paging:
        mov     ebx, ebx
        lgdt    [AT(old_gdt)]
        mov     ss, [AT(old_ss)]
        mov     rsp, [AT(old_rsp)]
        movzx   eax, word [AT(old_cs)]
        push    rax
        lea     rax, [AT(back)]
        push    rax
        retfq
back:
        pop     rbx
        popfq
        ret

        align   8
gdt:
        dq      0
.code_32:
        dq      0x00cf9b000000ffff
.code_64:
        dq      0x00af9b000000ffff
.data:
        dq      0x00cf93000000ffff
.end:
own_gdt:
        dw      gdt.end - gdt - 1
        dq      0
old_gdt:
        dw      0
        dq      0
old_rsp:
        dq      0
old_cs:
        dw      0
old_ss:
        dw      0
la57_switch_end:

section .note.GNU-stack noalloc noexec nowrite progbits
