/// The files of the console, which are part of the binary.
///
/// They are in `Page/` as they are sent, and a build embeds them: there is no file to find at run time and no step before
/// the build.
package enum ConsolePage {
    /// One of the files.
    package struct File: Sendable {
        /// Where it is served.
        package let path: String
        /// For the header field `Content-Type`.
        package let contentType: String
        /// The content.
        package let bytes: [UInt8]
    }

    /// All files; the page itself is at `/`.
    package static let files = [
        File(path: "/", contentType: "text/html; charset=utf-8", bytes: PackageResources.index_html),
        File(path: "/console/console.css", contentType: "text/css; charset=utf-8", bytes: PackageResources.console_css),
        File(path: "/console/icon.svg", contentType: "image/svg+xml", bytes: PackageResources.icon_svg),
        script("api", PackageResources.api_js),
        script("charts", PackageResources.charts_js),
        script("console", PackageResources.console_js),
        script("deployment", PackageResources.deployment_js),
        script("dom", PackageResources.dom_js),
        script("events", PackageResources.events_js),
        script("format", PackageResources.format_js),
        script("history", PackageResources.history_js),
        script("pad", PackageResources.pad_js),
        script("scale", PackageResources.scale_js),
        script("try", PackageResources.try_js),
    ]

    private static func script(_ name: String, _ bytes: [UInt8]) -> File {
        File(path: "/console/\(name).js", contentType: "text/javascript; charset=utf-8", bytes: bytes)
    }
}
