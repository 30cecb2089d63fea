// Unpacks the browser, and the NSS and NSPR libraries that a machine may lack, into TMPDIR.
import { join } from "node:path"
import Chromium, { inflate } from "@sparticuz/chromium"

await Chromium.executablePath()
await inflate(join(process.cwd(), "node_modules/@sparticuz/chromium/bin/al2023.tar.br"))
