/// Something that happened: an element of `GET /admin/v1/events`.
struct Event: Decodable, Sendable {
    let id: Int
    let at: String?
    let kind: String?
    let deployment: String?
    let version: Int?
    let severity: String?
    let message: String?

    /// `2026-11-24T20:10:31.201Z  info     replica        digits-svm/1  replica 1 is ready`
    func line(isColoured: Bool) -> String {
        let subject = [deployment, version.map { String($0) }].compactMap(\.self).joined(separator: "/")
        let severity = Self.padded(severity ?? "-", to: "warning".count)
        let parts = [
            (at ?? "-").printable, isColoured ? Self.paint(severity) : severity,
            Self.padded(kind ?? "-", to: "configuration".count),
            subject.printable, message?.printable ?? "",
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: "  ")
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text.printable + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func paint(_ severity: String) -> String {
        switch severity.prefix(4) {
        case "erro": TextTable.Tone.bad.paint(severity)
        case "warn": TextTable.Tone.busy.paint(severity)
        default: severity
        }
    }
}
