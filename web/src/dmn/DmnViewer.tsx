import NavigatedViewer from "dmn-js/lib/NavigatedViewer";
import { DmnCanvas, type DmnProps } from "./DmnCanvas";

const make = (options: Record<string, unknown>) => new NavigatedViewer(options);

/** A decision model to look at. */
export function DmnViewer(props: DmnProps) {
  return <DmnCanvas {...props} make={make} />;
}
