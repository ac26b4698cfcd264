import type { MouseEvent } from "react";

/**
 * For buttons below a form. A press would leave the field, whose fault would go and move the button from under the pointer,
 * so that there is no click.
 */
export const press = { onMouseDown: (event: MouseEvent) => event.preventDefault() };
