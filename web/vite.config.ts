import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// In development the pages come from here and everything else from a server that runs beside.
const server = process.env.BANYAN_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/desk/",
  plugins: [react()],
  build: {
    chunkSizeWarningLimit: 900,
    rollupOptions: {
      output: {
        manualChunks(id: string) {
          if (/node_modules\/(react|react-dom|scheduler)\//.test(id)) return "react";
          if (/node_modules\/(@tanstack|i18next|react-i18next)\//.test(id)) return "base";
          return undefined;
        },
      },
    },
  },
  server: { proxy: { "/v1": server, "/openapi.json": server, "/ogc": server } },
});
