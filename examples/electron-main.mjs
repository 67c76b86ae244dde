/**
 * The main process of an Electron program. Only the main process uses cards. It sends events to the window and handles
 * the requests of the window. Copy it into your own program: this example has no window content.
 *
 * preload.js exposes the two channels with contextBridge:
 *
 *   contextBridge.exposeInMainWorld('cards', {
 *     onEvent: (listener) => ipcRenderer.on('cards:event', (_, event) => listener(event)),
 *     logOn: (reader, pin) => ipcRenderer.invoke('cards:log-on', reader, pin),
 *   });
 */
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, ipcMain } from 'electron';
import { CardBridge } from 'pcsc-bridge';
import { logon, PivError } from 'pcsc-bridge/piv';

const bridge = new CardBridge();

await app.whenReady();
const window = new BrowserWindow({
  webPreferences: { preload: fileURLToPath(new URL('preload.js', import.meta.url)) },
});
await window.loadFile('index.html');

const session = await bridge.openSession();
const watch = session.watch();
watch.on('event', (event) => {
  const { type } = event;
  const what = 'reader' in event ? { type, reader: event.reader } : { type };
  for (const { webContents } of BrowserWindow.getAllWindows()) webContents.send('cards:event', what);
});

// Validate data from a window like any external input. Errors are returned as plain data.
ipcMain.handle('cards:log-on', async (_, reader, pin) => {
  if (typeof reader !== 'string' || typeof pin !== 'string')
    throw new TypeError('reader and PIN must be strings');
  try {
    const { subject } = await session.transaction(reader, (card) => logon(card, pin), {
      timeout: 30_000,
      idleTimeout: 10_000,
      disposition: 'reset',
    });
    return { subject };
  } catch (error) {
    if (error instanceof PivError) return { code: error.code, message: error.message };
    const { code = 'UNKNOWN', message } = /** @type {Error & { code?: string }} */ (error);
    return { code, message };
  }
});

app.on('window-all-closed', () => app.quit());

let closed = false;
app.on('will-quit', (event) => {
  if (closed) return;
  event.preventDefault();
  closed = true;
  void bridge.close().finally(() => app.quit());
});
