// Shows the OpenAPI documents of this platform; the addresses come with the page.
const place = document.getElementById("swagger");
SwaggerUIBundle({
  domNode: place,
  urls: JSON.parse(place.dataset.urls),
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
  validatorUrl: null,
});
