package import MantaHTTP
import MantaGateway

extension AdminContext {
    /// What the inference listener answers.
    package var inferenceRoutes: Routes {
        var routes = Routes()
        InferenceRoutes(plane).register(in: &routes)
        return routes
    }

    /// What the admin listener answers: everything.
    package var adminRoutes: Routes {
        var routes = Routes()
        InferenceRoutes(plane, forOperators: true).register(in: &routes)
        AdminRoutes(self).register(in: &routes)
        ConsoleRoutes().register(in: &routes)
        routes.on(.get, "/openapi.json", access: .open) { _ in .json(OpenAPIDocument.bytes) }
        return routes
    }
}
