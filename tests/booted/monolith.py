"""What stands for the monolith on the machine: a listing of its folder, and at /events a stream that never ends by itself."""

import http.server
import time


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/events":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        number = 0
        while True:
            self.wfile.write(f"data: {number}\n\n".encode())
            number += 1
            time.sleep(0.05)


http.server.ThreadingHTTPServer(("127.0.0.1", 8011), Handler).serve_forever()
