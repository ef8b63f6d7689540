/* See image.h. */
#include "image.h"

extern const char image_start[], image_end[];
extern const char text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];
extern const char boot_stack_bottom[], boot_stack_top[];
extern const char double_fault_stack_bottom[], double_fault_stack_top[];
extern const char nmi_stack_bottom[], nmi_stack_top[];
extern const char machine_check_stack_bottom[], machine_check_stack_top[];

#define READ_ONLY    PT_RIGHT_READ
#define READ_WRITE   (PT_RIGHT_READ | PT_RIGHT_WRITE)
#define READ_EXECUTE (PT_RIGHT_READ | PT_RIGHT_EXECUTE)

const struct image_segment image_segments[] = {
    {"data", data_start, data_end, READ_WRITE, false},
    {"boot stack", boot_stack_bottom, boot_stack_top, READ_WRITE, true},
    {"#DF stack", double_fault_stack_bottom, double_fault_stack_top, READ_WRITE, true},
    {"NMI stack", nmi_stack_bottom, nmi_stack_top, READ_WRITE, true},
    {"#MC stack", machine_check_stack_bottom, machine_check_stack_top, READ_WRITE, true},
    {"text", text_start, text_end, READ_EXECUTE, false},
    {"read-only data", rodata_start, rodata_end, READ_ONLY, false},
};
const size_t image_segment_count = sizeof(image_segments) / sizeof(image_segments[0]);

static struct virt_range pages(const char *start, const char *end)
{
    uint64_t first = align_down(virt_of(start).raw, PAGE_SIZE);
    return virt_range(first, align_up(virt_of(end).raw, PAGE_SIZE) - first);
}

struct virt_range image_segment_range(const struct image_segment *segment)
{
    return pages(segment->start, segment->end);
}

struct virt_range image_range(void)
{
    return pages(image_start, image_end);
}

const struct image_segment *image_segment_at(virt_addr_t address)
{
    for (size_t i = 0; i < image_segment_count; i++) {
        if (virt_range_has(image_segment_range(&image_segments[i]), address))
            return &image_segments[i];
    }
    return NULL;
}

const struct image_segment *image_stack_at(virt_addr_t address)
{
    const struct image_segment *segment = image_segment_at(address);
    return segment != NULL && segment->stack ? segment : NULL;
}

const struct image_segment *image_guard_at(virt_addr_t address, bool *below)
{
    for (size_t i = 0; i < image_segment_count; i++) {
        struct virt_range stack = image_segment_range(&image_segments[i]);

        if (!image_segments[i].stack)
            continue;
        *below = virt_range_has(virt_range(stack.start.raw - PAGE_SIZE, PAGE_SIZE), address);
        if (*below || virt_range_has(virt_range(stack.start.raw + stack.size, PAGE_SIZE), address))
            return &image_segments[i];
    }
    return NULL;
}
