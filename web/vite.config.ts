import tailwind from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'
import { firstLoad } from './firstLoad'

const server = process.env.VORI_URL ?? 'http://127.0.0.1:8700'

export default defineConfig({
  plugins: [react(), tailwind(), firstLoad()],
  build: {
    outDir: '../vori/page/dist',
    emptyOutDir: true,
    assetsInlineLimit: 0, // our Content-Security-Policy knows no data: scripts
    target: 'es2022',
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/ws', '/health', '/schema'].map((path) => [path, { target: server, ws: true }]),
    ),
  },
  test: { include: ['src/**/*.test.ts'] },
})
