from gyre_inference.app import make_app
from gyre_inference.settings import Settings
from gyre_service.command import main

if __name__ == "__main__":
    main(Settings, make_app)
