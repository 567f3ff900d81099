"""The answers' headers: strict from the first page on (ASVS 3.4)."""

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
       "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
ALWAYS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=31536000; includeSubDomains"


def install(app, settings):
    @app.after_request
    def strict(response):
        response.headers.update(ALWAYS)
        if settings.production:
            response.headers["Strict-Transport-Security"] = HSTS
        if not response.headers.get("Cache-Control"):
            response.headers["Cache-Control"] = "no-store"  # personal pages must not come back with the back button
        return response
