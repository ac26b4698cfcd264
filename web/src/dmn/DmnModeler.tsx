import Modeler from "dmn-js/lib/Modeler";
import { DmnCanvas, type DmnProps } from "./DmnCanvas";

const make = (options: Record<string, unknown>) => new Modeler(options);

/** A decision model to edit. */
export function DmnModeler(props: DmnProps & { onChange: (xml: string) => void }) {
  return <DmnCanvas {...props} make={make} />;
}
