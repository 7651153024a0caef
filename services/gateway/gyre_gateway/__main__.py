from gyre_gateway.app import make_app
from gyre_gateway.settings import Settings
from gyre_service.command import main

if __name__ == "__main__":
    main(Settings, make_app)
